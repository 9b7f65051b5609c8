/** Who is signed in: shown in the bar of the page, with what only administrators find there; who is not any more is sent to sign in. */

import { get, post } from "./api.js";
import { setProblem, setText } from "./dom.js";

const account = () => document.getElementById("account");
const problem = () => document.getElementById("problem");
const signOut = () => post("/auth/logout").then(() => leave(), explain);
const tellEnd = () => leave(true);
let viewer = "";
/** Of the browser's other tabs, told who is signed in. @type {BroadcastChannel?} */
let tabs = null;

/** @returns {Promise<{id: string, email: string, role: string}>} */
export async function whoIs() {
  addEventListener("unauthorized", tellEnd);
  const user = await get("/auth/me");
  viewer = user.id;
  tabs ??= new BroadcastChannel("session");
  tabs.onmessage = ({ data: id }) => startAnewFor(id);
  tabs.postMessage(viewer);
  document.addEventListener("visibilitychange", lookAgain);
  setText(document.getElementById("who"), user.email);
  document.getElementById("sign-out").addEventListener("click", signOut);
  document.getElementById("control-room")?.toggleAttribute("hidden", user.role !== "admin");
  account().hidden = false;
  return user;
}

/** All tabs share the session: what was shown to somebody else goes. @param {string} id */
function startAnewFor(id) {
  if (id !== viewer) location.reload();
}

function lookAgain() {
  if (!document.hidden) get("/auth/me").then(({ id }) => startAnewFor(id), () => {}); // it is looked at again next time
}

/** @param {boolean} hasEnded whether that comes as a surprise */
export function leave(hasEnded = false) {
  location.assign(`/sign-in${hasEnded ? "?ended" : ""}`);
}

/** Say why something did not work; what was because of the connection only until that is back. @param {Error & {status?: number}} error */
export function explain(error) {
  if (error.status === 401) return;
  setProblem(problem(), error.message);
  if (error.status === 0) addEventListener("reachable", excuse);
  else removeEventListener("reachable", excuse);
}

/** Nothing is wrong any more. */
export function excuse() {
  removeEventListener("reachable", excuse);
  setProblem(problem(), "");
}
