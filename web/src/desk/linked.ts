/** A piece of a text; with an address where it is one. */
export interface Part {
  text: string;
  href?: string;
}

/** DOIs after "doi:" and addresses of the web: nothing else of a text from outside becomes a link. */
const ADDRESSES = /doi:(10\.\d{4,9}\/[\w./():-]*[\w/)])|(https?:\/\/[\w.-]+\.[a-z]{2,}[\w\-._~:/?#@!$&()*+,;=%]*[\w/=#&])/gi;

/** A text in its pieces: what is a DOI or an address of the web leads there. */
export function linked(text: string): Part[] {
  const parts: Part[] = [];
  let from = 0;
  for (const found of text.matchAll(ADDRESSES)) {
    const [whole, doi, address] = found;
    if (found.index > from) parts.push({ text: text.slice(from, found.index) });
    const href = doi === undefined ? address : `https://doi.org/${doi}`;
    parts.push(href === undefined ? { text: whole } : { text: whole, href });
    from = found.index + whole.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from) });
  return parts;
}
