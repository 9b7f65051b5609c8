import { build } from "../dom.js";
import { LiveElement } from "./element.js";
import { View } from "./view.js";

/** <connection-status>: of the stream that the others with its server and right share. @extends {LiveElement<View>} */
export class ConnectionStatus extends LiveElement {
  constructor() {
    super(build("span", { class: "status", part: "status", "data-field": "status" }));
  }

  open() {
    return this.right.view(View, "");
  }
}
