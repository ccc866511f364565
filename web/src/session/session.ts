/** Who is signed in (`/api/session`). A server without that address is open to whoever reaches it. */

import { detail, Refused } from "../dicom/web";

/** What a guest is held to: one consultation on one study. */
export interface GuestPass {
  consultation: string;
  study: string;
  role: "viewer" | "second-reader";
  hides_patient: boolean;
  shows_reports: boolean;
  until: string;
}

export type Session = { state: "open"; ohif: boolean } | { state: "signed-out" } | {
      state: "signed-in";
      name: string;
      role: string;
      /** Whether the password is one that was made for the person: nothing is allowed before it is changed. */
      mustChange: boolean;
      /** Of somebody who opened a link, without an account. */
      guest?: GuestPass;
      /** Whether the server offers OHIF beside this page. */
      ohif: boolean;
    };

const ADDRESS = "/api/session";

async function person(response: Response): Promise<Session> {
  const answer = (await response.json()) as {
    name?: unknown;
    role?: unknown;
    open?: unknown;
    ohif?: unknown;
    must_change_password?: unknown;
    guest?: GuestPass;
  };
  const ohif = answer.ohif === true;
  if (answer.open === true) return { state: "open", ohif };
  const words = (value: unknown) => (typeof value === "string" ? value : "");
  return {
    state: "signed-in",
    name: words(answer.name),
    role: words(answer.role),
    mustChange: answer.must_change_password === true,
    ohif,
    ...(answer.guest ? { guest: answer.guest } : {}),
  };
}

export async function currentSession(): Promise<Session> {
  const response = await fetch(ADDRESS, { headers: { Accept: "application/json" } });
  if (response.status === 404) return { state: "open", ohif: false };
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

/** Opens a link: its secret for a session that is held to one study. */
export async function openLink(token: string, name: string): Promise<Session> {
  const response = await fetch("/api/guest", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify({ token, name }),
  });
  if (!response.ok) throw new Refused(response.status, await detail(response));
  return person(response);
}
