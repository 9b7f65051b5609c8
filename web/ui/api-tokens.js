import { CredentialDialog, asDays } from "./credential-dialog.js";
import { date } from "./format.js";

/** <api-tokens>: the viewer's tokens for programs. */
class ApiTokens extends CredentialDialog {
  noun = "token";
  path = "/auth/tokens";

  describe({ name, scope, expires_at: end }) {
    return `${name} (${scope}), ${end ? `ends on ${date(new Date(end))}` : "never ends"}`;
  }

  bodyOf({ expires_in_days: days, ...rest }) {
    return { ...rest, expires_in_days: asDays(days) };
  }

  secretOf({ token }) {
    return token;
  }
}

customElements.define("api-tokens", ApiTokens);
