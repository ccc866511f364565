/** Who is signed in (`/api/session`). A server without that address is open to whoever reaches it. */

import { detail, Refused } from "../dicom/web";

export type Session = { state: "open" } | { state: "signed-out" } | {
      state: "signed-in";
      name: string;
      role: string;
      /** Whether the password is one that was made for the person: nothing is allowed before it is changed. */
      mustChange: boolean;
    };

const ADDRESS = "/api/session";

async function person(response: Response): Promise<Session> {
  const answer = (await response.json()) as { name?: unknown; role?: unknown; open?: unknown; must_change_password?: unknown };
  if (answer.open === true) return { state: "open" };
  const words = (value: unknown) => (typeof value === "string" ? value : "");
  return { state: "signed-in", name: words(answer.name), role: words(answer.role), mustChange: answer.must_change_password === true };
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

/** Changes the password of whoever is signed in; what is said where it is refused is the server's own sentence. */
export async function changePassword(password: string, newPassword: string): Promise<void> {
  const response = await fetch(`${ADDRESS}/password`, {
    method: "PUT",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ password, new_password: newPassword }),
  });
  if (!response.ok) throw new Refused(response.status, await detail(response));
}

export async function signOut(): Promise<void> {
  await fetch(ADDRESS, { method: "DELETE" });
}
