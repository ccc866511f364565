"""Hostile texts for the readers of `report` and `knowledge`: fuzz/corpus/report_* and fuzz/corpus/knowledge_*.

Usage: python3 fuzz/seeds_texts.py FOLDER, with the forms that this wrote:

    wilhelm read testdata/chest_xray/chest_pa.dcm --no-llm --format fhir,hl7,text --at 2026-11-27T07:00:00Z --out FOLDER

Run from the repository's root.
"""

import copy
import json
import pathlib
import sys

folder = pathlib.Path(sys.argv[1])
corpus = pathlib.Path("fuzz/corpus")


def put(target, name, content):
    place = corpus / target
    place.mkdir(parents=True, exist_ok=True)
    (place / name).write_bytes(content if isinstance(content, bytes) else content.encode())


bundle = json.loads((folder / "report.fhir.json").read_text())
for entry in bundle["entry"]:
    for form in entry["resource"].get("presentedForm", []):
        form["data"] = ""
    if entry["resource"]["resourceType"] in ("Media", "Binary"):
        entry["resource"].pop("data", None)
        entry["resource"].pop("content", None)
whole = json.dumps(bundle)
put("report_fhir", "a_report.json", whole)
put("report_fhir", "cut.json", whole[: len(whole) // 2])
put("report_fhir", "nested_beyond_reason.json", '{"entry":' * 500 + "1" + "}" * 500)
put("report_fhir", "not_json.json", "\ufeff<Bundle/>")


def fhir(name, change):
    other = copy.deepcopy(bundle)
    change({kind: [e["resource"] for e in other["entry"] if e["resource"]["resourceType"] == kind]
            for kind in ("DiagnosticReport", "Observation")}, other)
    put("report_fhir", f"{name}.json", json.dumps(other))


def components(of, value):
    for observation in of["Observation"]:
        for part in observation.get("component", []):
            if "valueQuantity" in part:
                part["valueQuantity"]["value"] = value


fhir("numbers_beyond_doubles", lambda of, _: components(of, 10**400))
fhir("numbers_that_are_text", lambda of, _: components(of, "0.5"))
fhir("numbers_below_zero", lambda of, _: components(of, -1e300))
fhir("many_reports", lambda of, b: b["entry"].extend([{"resource": of["DiagnosticReport"][0]}] * 20))
fhir("no_report", lambda of, b: b.__setitem__("entry", []))
fhir("entries_that_are_numbers", lambda of, b: b.__setitem__("entry", [1, None, {"resource": 7}]))
fhir("a_state_of_no_table", lambda of, _: of["DiagnosticReport"][0].__setitem__("status", "cancelled"))
fhir("a_narrative_of_open_tags",
     lambda of, _: of["DiagnosticReport"][0]["text"].__setitem__("div", "<h2>Findings</h2><p id=\"S1\"><p id=\"><h2>\u80ba" * 50))
fhir("sides_of_no_table", lambda of, _: [o.__setitem__("bodySite", {"coding": [{"code": "1"}]}) for o in of["Observation"]])
fhir("codes_without_words", lambda of, _: [o["code"]["coding"].__setitem__(0, {}) for o in of["Observation"]])
fhir("a_box_of_no_numbers", lambda of, _: [p.__setitem__("valueString", "9" * 40 + " -1 x 2 3")
     for o in of["Observation"] for p in o.get("component", []) if "valueString" in p])

text = (folder / "report.txt").read_text()
put("report_text", "a_report.txt", text)
put("report_text", "cut.txt", text[: len(text) // 3])
put("report_text", "two_reports.txt", text + text)
put("report_text", "lines_of_no_length.txt", text.replace(" ", "\n"))
put("report_text", "one_line.txt", text.replace("\n", " "))
put("report_text", "letters_of_many_bytes.txt", "".join("\u80ba\U0001fac1" if c == "e" else c for c in text))
put("report_text", "headings_alone.txt", "".join(l + "\n" for l in text.splitlines() if l.isupper()))
put("report_text", "blank.txt", " \n\t\r\n")

control = "528db948883480d6ad79"
accept = f"MSH|^~\\&|A|B|C|D|20261127||ACK^R01|1|T|2.5\rMSA|AA|{control}\r"
put("report_hl7", "accepted.hl7", accept)
put("report_hl7", "accepted_in_its_block.hl7", b"\x0b" + accept.encode() + b"\x1c\r")
put("report_hl7", "refused_with_reason.hl7", accept.replace("AA|", "AE|") + "ERR|||207^x^HL70357|E||||no room\r")
put("report_hl7", "another_message.hl7", accept.replace(control, "x"))
put("report_hl7", "a_code_of_no_table.hl7", accept.replace("AA", "ZZ"))
put("report_hl7", "a_header_of_three_letters.hl7", "MSH")
put("report_hl7", "a_separator_of_many_bytes.hl7", "MSH\u80ba^~\\&\u80baA\u80ba\rMSA\u80baAA\u80ba" + control)
put("report_hl7", "a_letter_cut_in_the_header.hl7", b"MSH\xe8\x82|")
put("report_hl7", "no_fields.hl7", "MSH|\rMSA")
put("report_hl7", "ends_of_lines_alone.hl7", "\r\n" * 300)
put("report_hl7", "a_block_within_a_block.hl7", b"\x0b\x0b" + accept.encode() + b"\x1c\r\x1c\r")
put("report_hl7", "the_message_itself.hl7", (folder / "report.hl7").read_bytes())

message = (folder / "report.hl7").read_bytes().decode()
put("report_message", "a_report.hl7", message)
put("report_message", "cut.hl7", message[: len(message) // 2])
put("report_message", "lines_of_unix.hl7", message.replace("\r", "\n"))
put("report_message", "two_reports.hl7", message + message)
put("report_message", "one_finding_many_times.hl7", message + message[message.index("OBX") :] * 20)
put("report_message", "a_header_alone.hl7", message.split("\r")[0])
put("report_message", "headers_without_end.hl7", (message.split("\r")[0] + "\r") * 200)
put("report_message", "fields_without_end.hl7", message.replace("OBX|", "OBX|" + "^" * 400 + "|" * 400, 1))
put("report_message", "numbers_beyond_doubles.hl7", message.replace("%^^UCUM|", "%^^UCUM|1e400-").replace("|95|", "|1e400|"))
put("report_message", "numbers_that_are_none.hl7", message.replace("|95|", "|nan|"))
put("report_message", "escapes_without_end.hl7", message.replace("e", "\\E"))
put("report_message", "letters_of_many_bytes.hl7", "".join("\u80ba\U0001fac1" if c == "e" else c for c in message))
put("report_message", "a_side_of_no_table.hl7", message.replace("^pneumonia^", "^upper pneumonia^", 1))
put("report_message", "another_event.hl7", message.replace("ORU^R01^ORU_R01", "ADT^A01^ADT_A01"))
put("report_message", "separators_of_others.hl7", message.replace("^~\\&", "#~\\&").replace("^", "#"))
put("report_message", "observations_without_fields.hl7", message.split("\rOBX")[0] + "\rOBX" * 300 + "\r")

obo = """format-version: 1.4
data-version: 2026-01-01
ontology: x

[Term]
id: X:1
name: nodule of a lung
def: "A small round shadow." [DOI:10.1/x]
synonym: "pulmonary nodule" EXACT []
is_a: X:0 ! finding
xref: DOID:1
relationship: part_of X:2 ! lung

[Typedef]
id: part_of
name: part of
is_transitive: true
"""
put("knowledge_obo", "terms.obo", obo)
put("knowledge_obo", "cut.obo", obo[: len(obo) * 2 // 3])
put("knowledge_obo", "quotes_that_never_end.obo", obo.replace('shadow." [', 'shadow. [').replace('nodule" E', "nodule E"))
put("knowledge_obo", "backslashes_at_ends.obo", obo.replace("\n", "\\\n"))
put("knowledge_obo", "a_term_that_is_itself.obo", obo.replace("X:0 ! finding", "X:1"))
put("knowledge_obo", "no_identifier.obo", obo.replace("id: X:1\n", ""))
put("knowledge_obo", "two_names.obo", obo.replace("name: nodule of a lung", "name: a\nname: b"))
put("knowledge_obo", "identifiers_of_no_iri.obo", obo.replace("X:1", "X: <1>\\n{}").replace("X:2", ":"))
put("knowledge_obo", "brackets.obo", "[" * 400 + "Term" + "]" * 400 + "\nid: X:1\n")
put("knowledge_obo", "windows.obo", obo.replace("\n", "\r\n"))
put("knowledge_obo", "letters_of_many_bytes.obo", obo.replace("e", "\u80ba"))
put("knowledge_obo", "not_utf8.obo", obo.encode() + b"\xff\xfe")

turtle = """@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix x: <https://example.org/> .
x:nodule rdfs:label "nodule"@en ; rdfs:subClassOf x:finding , [ a x:thing ] .
x:finding x:size 6.5 , "7"^^<http://www.w3.org/2001/XMLSchema#integer> .
"""
put("knowledge_turtle", "statements.ttl", turtle)
put("knowledge_turtle", "cut.ttl", turtle[: len(turtle) // 2])
put("knowledge_turtle", "a_prefix_of_nothing.ttl", turtle.replace("@prefix x: <https://example.org/> .\n", ""))
put("knowledge_turtle", "brackets.ttl", "[ <a:b> " * 300 + "1" + " ]" * 300 + " .")
put("knowledge_turtle", "lists_in_lists.ttl", "<a:b> <a:c> " + "(" * 300 + ")" * 300 + " .")
put("knowledge_turtle", "escapes.ttl", '<a:b> <a:c> "\\uD800\\U00110000\\x" .')
put("knowledge_turtle", "numbers.ttl", "<a:b> <a:c> " + "9" * 400 + ", 1e99999, -.5e-0 .")

xml = """<?xml version="1.0"?>
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:rdfs="http://www.w3.org/2000/01/rdf-schema#">
<rdf:Description rdf:about="https://example.org/nodule"><rdfs:label xml:lang="en">nodule</rdfs:label>
<rdfs:subClassOf rdf:resource="https://example.org/finding"/></rdf:Description></rdf:RDF>
"""
put("knowledge_rdf_xml", "statements.owl", xml)
put("knowledge_rdf_xml", "cut.owl", xml[: len(xml) * 3 // 4])
put("knowledge_rdf_xml", "entities_in_entities.owl", xml.replace("<rdf:RDF", '<!DOCTYPE r [<!ENTITY a "' + "x" * 50
    + '">' + "".join(f'<!ENTITY {chr(98 + i)} "{("&" + chr(97 + i) + ";") * 10}">' for i in range(9)) + "]>\n<rdf:RDF", 1)
    .replace(">nodule<", ">&j;<"))
put("knowledge_rdf_xml", "an_outside_entity.owl", xml.replace("<rdf:RDF", '<!DOCTYPE r [<!ENTITY a SYSTEM "file:///etc/hostname">]>\n'
    "<rdf:RDF", 1).replace(">nodule<", ">&a;<"))
put("knowledge_rdf_xml", "elements_in_elements.owl", xml.replace(">nodule<", ">" + "<rdf:Description>" * 300 + "<"))
put("knowledge_rdf_xml", "no_namespace.owl", "<RDF><Description about='x'/></RDF>")

table = "code,name,disease,dose\n1,aspirin,1|2,100\n2,\"a, \"\"b\"\"\",,5.5\n"
put("knowledge_table", "rows.csv", table)
put("knowledge_table", "quotes_that_never_end.csv", table + '3,"x,1,2\n')
put("knowledge_table", "rows_too_short.csv", table + "3\n,\n,,,,,,\n")
put("knowledge_table", "columns_of_one_name.csv", table.replace("name", "code"))
put("knowledge_table", "no_columns.csv", "\n\n")
put("knowledge_table", "cells_of_no_iri.csv", table + "<x y>,n,|||{},1e999\n4,n,1,nan\n")
put("knowledge_table", "not_utf8.csv", table.encode() + b"\xff,\x00,1,1\n")
put("knowledge_table", "a_mapping.toml", 'id = "{a}"\n[[statement]]\nis = "rdfs:label"\ntext = "{"\n')
put("knowledge_table", "a_mapping_of_nothing.toml", 'id = ""\nstatement = []\n')
