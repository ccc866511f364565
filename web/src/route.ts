/** Where the page is: behind `#`, so that no address with a study's identifier reaches a log. */

const LISTS = ["studies", "jobs", "decisions", "macros"] as const;

export type Route =
  | { at: "worklist" | (typeof LISTS)[number] }
  | { at: "study"; study: string; beside?: string }
  | { at: "report"; study: string; report: string };

const UID = /^[0-9.]{1,64}$/;
const REPORT = /^\w[\w.-]{0,79}$/;

export function parseRoute(hash: string): Route {
  const [kind, study, beside, report] = hash.replace(/^#\/?/, "").split("/");
  const list = LISTS.find((one) => one === kind);
  if (list !== undefined) return { at: list };
  if (kind !== "study" || study === undefined || !UID.test(study)) return { at: "worklist" };
  if (beside === "report" && report !== undefined && REPORT.test(report)) return { at: "report", study, report };
  return beside !== undefined && UID.test(beside) ? { at: "study", study, beside } : { at: "study", study };
}

export function routeAddress(route: Route): string {
  if (route.at === "worklist") return "#/";
  if (route.at === "report") return `#/study/${route.study}/report/${route.report}`;
  if (route.at !== "study") return `#/${route.at}`;
  return `#/study/${route.study}${route.beside === undefined ? "" : `/${route.beside}`}`;
}
