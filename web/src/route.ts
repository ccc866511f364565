/** Where the page is: behind `#`, so that no address with a study's identifier reaches a log. */

const LISTS = ["studies", "jobs", "consultations", "decisions", "macros", "annotations"] as const;
const ANNOTATION_VIEWS = ["items", "agreement", "decide"] as const;

export type Route =
  | { at: "worklist" | (typeof LISTS)[number] }
  | { at: "study"; study: string; beside?: string; consult?: string }
  /** A link's secret; empty once the page has taken it out of the address. */
  | { at: "guest"; token: string }
  | { at: "report"; study: string; report: string }
  | { at: "annotation"; project: string; view: (typeof ANNOTATION_VIEWS)[number]; item?: number };

const UID = /^[0-9.]{1,64}$/;
const PROJECT = /^[0-9a-f]{1,40}$/;
const CONSULTATION = /^[0-9a-f]{1,40}$/;
const TOKEN = /^\w{0,120}$/;
const REPORT = /^\w[\w.-]{0,79}$/;

export function parseRoute(hash: string): Route {
  const [kind, study, beside, report] = hash.replace(/^#\/?/, "").split("/");
  if (kind === "annotations" && study !== undefined && PROJECT.test(study)) {
    const view = ANNOTATION_VIEWS.find((one) => one === beside) ?? "items";
    const item = Number(report);
    return { at: "annotation", project: study, view, ...(Number.isInteger(item) && item > 0 ? { item } : {}) };
  }
  const list = LISTS.find((one) => one === kind);
  if (list !== undefined) return { at: list };
  if (kind === "consult") return { at: "guest", token: TOKEN.test(study ?? "") ? (study ?? "") : "" };
  if (kind !== "study" || study === undefined || !UID.test(study)) return { at: "worklist" };
  if (beside === "report" && report !== undefined && REPORT.test(report)) return { at: "report", study, report };
  if (beside === "consult" && report !== undefined && CONSULTATION.test(report)) return { at: "study", study, consult: report };
  return beside !== undefined && UID.test(beside) ? { at: "study", study, beside } : { at: "study", study };
}

export function routeAddress(route: Route): string {
  if (route.at === "worklist") return "#/";
  if (route.at === "report") return `#/study/${route.study}/report/${route.report}`;
  if (route.at === "annotation") {
    return `#/annotations/${route.project}/${route.view}${route.item === undefined ? "" : `/${route.item}`}`;
  }
  if (route.at === "guest") return "#/consult";
  if (route.at !== "study") return `#/${route.at}`;
  if (route.consult !== undefined) return `#/study/${route.study}/consult/${route.consult}`;
  return `#/study/${route.study}${route.beside === undefined ? "" : `/${route.beside}`}`;
}
