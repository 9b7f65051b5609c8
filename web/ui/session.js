/** Who is signed in: shown in the bar of the page, with what only administrators find there; who is not any more is sent to sign in. */

import { get, post } from "./api.js";
import { setProblem, setText } from "./dom.js";

const account = () => document.getElementById("account");

/** @returns {Promise<{id: string, email: string, role: string}>} */
export async function whoIs() {
  addEventListener("unauthorized", () => leave(true));
  const user = await get("/auth/me");
  setText(document.getElementById("who"), user.email);
  document.getElementById("sign-out").addEventListener("click", () => post("/auth/logout").then(() => leave(), explain));
  document.getElementById("control-room")?.toggleAttribute("hidden", user.role !== "admin");
  account().hidden = false;
  return user;
}

/** @param {boolean} hasEnded whether that comes as a surprise */
export function leave(hasEnded = false) {
  location.assign(`/sign-in${hasEnded ? "?ended" : ""}`);
}

/** Say why something did not work. @param {Error & {status?: number}} error */
export function explain(error) {
  if (error.status !== 401) setProblem(document.getElementById("problem"), error.message);
}
