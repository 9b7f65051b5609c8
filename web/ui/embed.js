/**
 * Live prices in a page of any origin: <live-portfolio>, <live-price> and <connection-status>.
 *
 *     <script type="module" src="(server)/ui/embed.js"></script>
 *     <live-portfolio link="…"></live-portfolio>
 *
 * Those with the same server and right share one stream. Without a link a ticket is needed: see configure.
 */

import { LivePortfolio } from "./embed/portfolio.js";
import { LivePrice } from "./embed/price.js";
import { configure } from "./embed/rights.js";
import { ConnectionStatus } from "./embed/status.js";

export { configure };

customElements.define("live-portfolio", LivePortfolio);
customElements.define("live-price", LivePrice);
customElements.define("connection-status", ConnectionStatus);
