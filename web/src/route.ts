/** Where the page is: behind `#`, so that no address with a study's identifier reaches a log. */

export type Route = { at: "worklist" } | { at: "study"; study: string; beside?: string };

const UID = /^[0-9.]{1,64}$/;

export function parseRoute(hash: string): Route {
  const [kind, study, beside] = hash.replace(/^#\/?/, "").split("/");
  if (kind !== "study" || study === undefined || !UID.test(study)) return { at: "worklist" };
  return beside !== undefined && UID.test(beside) ? { at: "study", study, beside } : { at: "study", study };
}

export function routeAddress(route: Route): string {
  if (route.at === "worklist") return "#/";
  return `#/study/${route.study}${route.beside === undefined ? "" : `/${route.beside}`}`;
}
