import { expect, test } from "vitest";

import { linked } from "./linked";

test("a DOI and an address of the web become links, and nothing else", () => {
  expect(linked("Wang et al. 2005, doi:10.1001/jama.294.15.1944")).toEqual([
    { text: "Wang et al. 2005, " },
    { text: "doi:10.1001/jama.294.15.1944", href: "https://doi.org/10.1001/jama.294.15.1944" },
  ]);
  expect(linked("see https://example.org/a?b=1.")).toEqual([
    { text: "see " },
    { text: "https://example.org/a?b=1", href: "https://example.org/a?b=1" },
    { text: "." },
  ]);
  for (const text of ["javascript:alert(1)", "doi: none", "data:text/html,x", ""]) {
    expect(linked(text).filter((part) => part.href !== undefined)).toEqual([]);
  }
});
