/** Who is signed in (`/api/session`). A server without that address is open to whoever reaches it. */

import { Refused } from "../dicom/web";

export type Session = { state: "open" } | { state: "signed-out" } | { state: "signed-in"; name: string; role: string };

const ADDRESS = "/api/session";

async function person(response: Response): Promise<Session> {
  const answer = (await response.json()) as { name?: unknown; role?: unknown };
  const words = (value: unknown) => (typeof value === "string" ? value : "");
  return { state: "signed-in", name: words(answer.name), role: words(answer.role) };
}

export async function currentSession(): Promise<Session> {
  const response = await fetch(ADDRESS, { headers: { Accept: "application/json" } });
  if (response.status === 404) return { state: "open" };
  if (response.status === 401) return { state: "signed-out" };
  if (!response.ok) throw new Refused(response.status, response.statusText);
  return person(response);
}

export async function signIn(name: string, password: string): Promise<Session> {
  const response = await fetch(ADDRESS, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ name, password }),
  });
  if (!response.ok) throw new Refused(response.status, response.statusText);
  return person(response);
}

export async function signOut(): Promise<void> {
  await fetch(ADDRESS, { method: "DELETE" });
}
