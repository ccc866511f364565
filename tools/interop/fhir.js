// Judges FHIR bundles with the npm package `fhir`, which holds the structure definitions of R4.
//
// Usage: node tools/interop/fhir.js FILE...
const fs = require('fs');
const { Fhir, Versions } = require('fhir');
const { ParseConformance } = require('fhir/parseConformance');

const fhir = new Fhir(new ParseConformance(true, Versions.R4));
let wrong = 0;
for (const file of process.argv.slice(2)) {
  const result = fhir.validate(JSON.parse(fs.readFileSync(file, 'utf8')));
  const errors = result.messages.filter((message) => ['error', 'fatal'].includes(message.severity));
  for (const message of errors) console.error(`${file}: ${message.location}: ${message.message}`);
  // And once to XML and back.
  const again = fhir.xmlToObj(fhir.jsonToXml(fs.readFileSync(file, 'utf8')));
  if (again.resourceType !== 'Bundle') errors.push('XML');
  wrong += errors.length > 0;
}
console.log(`${process.argv.length - 2} bundles, ${wrong} with errors`);
process.exit(wrong ? 1 : 0);
