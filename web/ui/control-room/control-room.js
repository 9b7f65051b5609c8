/** The control room: who may see it, and which of its sections is looked at. */

import { giveUpAfter } from "../api.js";
import { closeDialogs, setProblem } from "../dom.js";
import { leave, whoIs } from "../session.js";
import "./api-usage.js";
import "./audit-log.js";
import "./effective-interval.js";
import "./emergency-stop.js";
import "./lists.js";
import "./order-preview.js";
import "./override-list.js";
import "./poll-intervals.js";
import "./provider-list.js";
import "./reason-dialog.js";
import { tellChange } from "./room-section.js";
import { loadTargets } from "./targets.js";
import "./user-list.js";

const PATIENCE = 10_000; // ms

const find = (selector) => document.querySelector(selector);
const links = [...document.querySelectorAll("#sections a")];
const sections = new Map(links.map((link) => [link.hash.slice(1), find(`#${link.hash.slice(1)}-section`)]));
const NOT_ALLOWED = "The control room is for administrators. Ask one of them to make you one.";

/** Say why the room cannot be shown; who is not signed in is sent to do so. */
function refuse(error) {
  if (error.status === 401) return leave(true);
  closeDialogs(document);
  find("#room").hidden = true;
  find("emergency-stop").hidden = true;
  for (const section of sections.values()) section.close();
  setProblem(find("#problem"), error.status === 403 ? NOT_ALLOWED : error.message);
}

/** Where the sections do not fit beside each other, the current one is among those that are seen. */
const keepInView = () => find("#sections [aria-current]").scrollIntoView({ block: "nearest", inline: "center" });

function show({ isChosen }) {
  closeDialogs(document);
  const name = sections.has(location.hash.slice(1)) ? location.hash.slice(1) : sections.keys().next().value;
  for (const [each, section] of sections) if (each !== name) section.close();
  for (const link of links) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  keepInView();
  const chosen = sections.get(name);
  const heading = chosen.querySelector("h2");
  document.title = `${heading.textContent} – Control room`;
  chosen.open();
  if (!isChosen) return;
  heading.focus({ preventScroll: true });
  scrollTo(0, 0);
}

async function start() {
  giveUpAfter(PATIENCE);
  try {
    const user = await whoIs();
    if (user.role !== "admin") return setProblem(find("#problem"), NOT_ALLOWED);
  } catch (error) {
    return refuse(error);
  } finally {
    find("#opening").hidden = true;
  }
  find("#room").hidden = find("emergency-stop").hidden = false;
  find("emergency-stop").read();
  addEventListener("resize", keepInView);
  addEventListener("hashchange", () => show({ isChosen: true }));
  document.addEventListener("room-refused", ({ detail }) => refuse(detail));
  show({ isChosen: false });
  loadTargets().then(tellChange, () => {}); // without it, ids stand where names would
}

start();
