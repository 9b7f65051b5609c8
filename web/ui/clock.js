/** The server's time, so that ages are right on a computer whose clock is not. */

let offset = 0; // milliseconds

export const clock = {
  /** @param {string} timestamp the server's time, just received */
  set(timestamp) {
    offset = Date.parse(timestamp) - Date.now();
  },

  /** The server's time now, in milliseconds. */
  now() {
    return Date.now() + offset;
  },

  /** Seconds since a moment of the server's time; never negative. @param {string} timestamp */
  since(timestamp) {
    return Math.max(0, (clock.now() - Date.parse(timestamp)) / 1000);
  },
};
