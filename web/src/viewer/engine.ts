/** Cornerstone3D, started once: one rendering engine, one group of tools a layout. */

import * as core from "@cornerstonejs/core";
import * as loader from "@cornerstonejs/dicom-image-loader";
import * as tools from "@cornerstonejs/tools";

import { StackProbeTool } from "./probe";
import type { Frame } from "./series";
import { PAINTING, type PaintTool, type Tool } from "./keys";

const ENGINE = "wilhelm";
const GROUPS = { stack: "wilhelm-stack", mpr: "wilhelm-mpr" } as const;
export type Group = keyof typeof GROUPS;

const NAMES: Record<Tool, string> = {
  scroll: tools.StackScrollTool.toolName as string,
  windowLevel: tools.WindowLevelTool.toolName as string,
  zoom: tools.ZoomTool.toolName as string,
  pan: tools.PanTool.toolName as string,
  length: tools.LengthTool.toolName,
  angle: tools.AngleTool.toolName,
  ellipse: tools.EllipticalROITool.toolName,
  probe: StackProbeTool.toolName,
  crosshairs: tools.CrosshairsTool.toolName as string,
  brush: "wilhelm-brush",
  eraser: "wilhelm-eraser",
  threshold: "wilhelm-threshold",
};

/** What each of the brushes does to the labels below it. */
const STRATEGIES: Record<PaintTool, string> = {
  brush: "FILL_INSIDE_CIRCLE",
  eraser: "ERASE_INSIDE_CIRCLE",
  threshold: "THRESHOLD_INSIDE_CIRCLE",
};

export const MEASURING: readonly Tool[] = ["length", "angle", "ellipse", "probe"];

/** Which measuring tool drew an annotation, by Cornerstone's name of it. */
export function measuringTool(name: string): Tool | undefined {
  return MEASURING.find((tool) => NAMES[tool] === name);
}

const { MouseBindings } = tools.Enums;
const HELD = [
  { tool: "zoom", binding: { mouseButton: MouseBindings.Secondary } },
  { tool: "pan", binding: { mouseButton: MouseBindings.Auxiliary } },
  { tool: "scroll", binding: { mouseButton: MouseBindings.Wheel } },
] as const;

let started: Promise<core.RenderingEngine> | undefined;

/** The engine; started at the first call. */
export function engine(): Promise<core.RenderingEngine> {
  started ??= new Promise((done) => done(start()));
  return started;
}

function start(): core.RenderingEngine {
  core.init();
  loader.init({ maxWebWorkers: Math.max(1, Math.min(4, navigator.hardwareConcurrency - 1)) });
  tools.init();
  const all = [
    tools.StackScrollTool,
    tools.WindowLevelTool,
    tools.ZoomTool,
    tools.PanTool,
    tools.LengthTool,
    tools.AngleTool,
    tools.EllipticalROITool,
    StackProbeTool,
    tools.CrosshairsTool,
    tools.BrushTool,
  ];
  all.forEach((tool) => tools.addTool(tool));
  for (const group of ["stack", "mpr"] as const) {
    const made = tools.ToolGroupManager.createToolGroup(GROUPS[group]);
    for (const tool of Object.keys(NAMES) as Tool[]) {
      if (isPainting(tool)) continue;
      if (tool !== "crosshairs" || group === "mpr") made?.addTool(NAMES[tool]);
    }
    if (group === "stack") {
      for (const tool of PAINTING) {
        made?.addToolInstance(NAMES[tool], tools.BrushTool.toolName as string, { activeStrategy: STRATEGIES[tool] });
      }
    }
    choose(group, "windowLevel");
  }
  // A brush listens to keys of its own, which are other commands here.
  for (const brush of brushes()) brush.configuration["actions"] = {};
  return new core.RenderingEngine(ENGINE);
}

function isPainting(tool: Tool): tool is PaintTool {
  return (PAINTING as readonly string[]).includes(tool);
}

/** The brushes of stacks. */
export function brushes(): tools.BrushTool[] {
  return PAINTING.flatMap((tool) => {
    const found: unknown = toolGroup("stack")?.getToolInstance(NAMES[tool]);
    return found instanceof tools.BrushTool ? [found] : [];
  });
}

function toolGroup(group: Group) {
  return tools.ToolGroupManager.getToolGroup(GROUPS[group]);
}

/** Gives the left button to a tool; what was drawn stays, and can be moved. */
export function choose(group: Group, chosen: Tool): void {
  const held = toolGroup(group);
  if (!held) return;
  const primary = { mouseButton: MouseBindings.Primary };
  for (const tool of Object.keys(NAMES) as Tool[]) {
    if (!held.hasTool(NAMES[tool])) continue;
    const always = HELD.filter((one) => one.tool === tool).map((one) => one.binding);
    const bindings = tool === chosen ? [primary, ...always] : always;
    if (tool === "crosshairs" && tool !== chosen) held.setToolDisabled(NAMES[tool]);
    else if (tool !== chosen) held.setToolPassive(NAMES[tool], { removeAllBindings: true });
    if (bindings.length > 0) held.setToolActive(NAMES[tool], { bindings });
  }
}

export function addToGroup(group: Group, viewportId: string): void {
  toolGroup(group)?.addViewport(viewportId, ENGINE);
}

export function removeFromGroup(group: Group, viewportId: string): void {
  toolGroup(group)?.removeViewports(ENGINE, viewportId);
}

/** Hands the headers to the loader, which asks for them by the name of an image. */
export function register(frames: readonly Frame[]): void {
  const manager = loader.wadors.metaDataManager;
  for (const frame of frames) manager.add(frame.imageId, frame.header as Parameters<typeof manager.add>[1]);
}

export function viewport(id: string): core.StackViewport | core.VolumeViewport | undefined {
  return core.getRenderingEngine(ENGINE)?.getViewport(id);
}

export function stack(id: string): core.StackViewport | undefined {
  const found = viewport(id);
  return found instanceof core.StackViewport ? found : undefined;
}
