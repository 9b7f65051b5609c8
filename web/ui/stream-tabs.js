/**
 * The tabs of one browser that share a stream: a Web Lock says which of them leads, a broadcast
 * channel carries what it hears. Where the browser has either not (both need HTTPS or localhost),
 * each tab leads itself.
 */

/**
 * @typedef {object} Roles what a tab does
 * @property {() => void} lead open the stream; called again after follow when it is this tab's turn again
 * @property {() => void} follow close the stream: another tab leads
 * @property {(from: string, message: any) => void} hear
 */

const canShare = () => Boolean(navigator.locks && globalThis.BroadcastChannel);

export class Tabs {
  #name;
  #roles;
  /** @type {BroadcastChannel?} */
  #channel = null;
  #left = new AbortController();
  #waiting = new AbortController();
  /** @type {() => void} */
  #resign = () => {};

  /** This tab's name among them. */
  id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;

  /** @param {string} name of what is shared @param {Roles} roles */
  constructor(name, roles) {
    this.#name = name;
    this.#roles = roles;
  }

  /** Take part; it is seen to be here by the lock of its own name before anybody hears of it. */
  async join() {
    if (!canShare()) return this.#roles.lead();
    this.#left = new AbortController();
    const { signal } = this.#left;
    await new Promise((here) => {
      const held = new Promise((leave) => signal.addEventListener("abort", leave));
      navigator.locks.request(this.#presence(this.id), () => (here(undefined), held));
    });
    if (signal.aborted) return;
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data: { from, message } }) => this.#roles.hear(from, message);
    this.#queue({});
  }

  leave() {
    this.#left.abort();
    this.#waiting.abort();
    this.#resign();
    this.#channel?.close();
    this.#channel = null;
  }

  /** Lead now: the leader does not answer. */
  seize() {
    if (!this.#channel) return;
    this.#waiting.abort();
    this.#queue({ steal: true });
  }

  /** @param {object} message to all other tabs */
  tell(message) {
    this.#channel?.postMessage({ from: this.id, message });
  }

  /** Call when another tab is gone, however it went. @param {string} tab @param {() => void} gone */
  watch(tab, gone) {
    if (!this.#channel) return;
    const { signal } = this.#left;
    navigator.locks.request(this.#presence(tab), { mode: "shared", signal }, gone).catch(ignoreAbort);
  }

  /** Lead when it is this tab's turn, until it leaves or another seizes the lead. @param {LockOptions} options */
  #queue(options) {
    const waiting = (this.#waiting = new AbortController());
    const lead = () => {
      if (this.#left.signal.aborted) return undefined;
      this.#roles.lead();
      return new Promise((resolve) => (this.#resign = () => resolve(undefined)));
    };
    const how = options.steal ? options : { signal: waiting.signal };
    navigator.locks.request(this.#name, how, lead).catch((error) => {
      ignoreAbort(error);
      if (waiting.signal.aborted || this.#left.signal.aborted) return;
      this.#roles.follow();
      this.#queue({});
    });
  }

  /** @param {string} tab */
  #presence(tab) {
    return `${this.#name} ${tab}`;
  }
}

/** @param {Error} error */
function ignoreAbort(error) {
  if (error.name !== "AbortError") throw error;
}
