/** Marks a price that has changed. */

const LASTS = 700; // ms
const still = matchMedia("(prefers-reduced-motion: reduce)");
/** @type {WeakMap<Element, Animation>} */
const running = new WeakMap();

/**
 * Mark it briefly: with a colour that fades or, for who asks for less motion, one that ends.
 * @param {Element} node
 * @param {string} before
 * @param {string} after
 */
export function flash(node, before, after) {
  const colour = `var(--${Number(after) > Number(before) ? "up" : "down"}-flash)`;
  const end = still.matches ? colour : "transparent";
  running.get(node)?.cancel();
  running.set(node, node.animate([{ backgroundColor: colour }, { backgroundColor: end }], LASTS));
}
