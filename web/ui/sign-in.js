/**
 * Signing in: with e-mail and password, or by the one-time link that the server printed. A link
 * either signs in at once or, on a server without accounts, makes the first administrator.
 */

import { get, post } from "./api.js";
import { onSubmit, setProblem, setText } from "./dom.js";

const address = new URLSearchParams(location.search);
const token = address.get("token");
const form = document.getElementById("form");
let purpose = "password";

const SPENT =
  "This link was used already, or has expired. Sign in with your password, or restart the server for a new one.";

history.replaceState(null, "", "/sign-in"); // the token leaves the address bar and the history

onSubmit(form, async ({ email, password }) => {
  if (purpose === "setup") await post("/auth/setup", { token, email, password });
  else await post("/auth/login", { email, password, session: true });
  location.replace("/");
});

function offerSetup() {
  purpose = "setup";
  setText(document.getElementById("title"), "Create the first administrator");
  document.title = "Create the first administrator";
  const explanation = document.getElementById("explanation");
  setText(explanation, "This server has no account yet. The one you make here may do everything.");
  explanation.hidden = document.getElementById("password-hint").hidden = false;
  form.elements.password.autocomplete = "new-password";
  setText(form.querySelector("[type=submit]"), "Create and sign in");
}

async function redeem() {
  try {
    ({ purpose } = await get(`/auth/sign-in?token=${encodeURIComponent(token)}`));
    if (purpose === "setup") return offerSetup();
    await post("/auth/sign-in", { token });
    location.replace("/");
  } catch (error) {
    purpose = "password";
    const spent = [401, 404, 410, 422].includes(error.status);
    setProblem(form.querySelector(".problem"), spent ? SPENT : error.message);
  }
}

if (token) redeem();
else if (address.has("ended")) setProblem(form.querySelector(".problem"), "Your session has ended. Please sign in again.");
