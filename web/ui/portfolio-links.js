import { CredentialDialog, asDays } from "./credential-dialog.js";
import { date } from "./format.js";

/** <portfolio-links>: the read-only links to a portfolio. */
class PortfolioLinks extends CredentialDialog {
  noun = "link";

  /** Whose links; none: there is nothing to share. @param {{id: string} | null} portfolio */
  set portfolio(portfolio) {
    this.hidden = portfolio === null;
    this.path = portfolio ? `/portfolios/${portfolio.id}/links` : "";
  }

  describe({ created_at: made, expires_at: end }) {
    return `Made on ${date(new Date(made))}, ends on ${date(new Date(end))}`;
  }

  bodyOf({ expires_in_days: days }) {
    return { expires_in_days: asDays(days) };
  }

  secretOf({ url }) {
    return url;
  }
}

customElements.define("portfolio-links", PortfolioLinks);
