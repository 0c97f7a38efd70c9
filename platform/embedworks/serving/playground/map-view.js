// Zoom and pan of the map: by wheel, drag, two fingers, keys and buttons.

const MOST = 40;
export const STEP = 1.6; // of a button or a key

/**
 * Where places of the unit square are on the canvas, and how gestures change that.
 * @param {HTMLCanvasElement} canvas
 * @param {() => void} onchange - draw again
 * @param {(x: number, y: number) => void} ontap - a click or a tap, in canvas pixels
 */
export function createView(canvas, onchange, ontap) {
  const view = { scale: 1, x: 0, y: 0 };
  const fingers = new Map();
  let moved = 0;

  const size = () => ({ w: canvas.clientWidth, h: canvas.clientHeight });

  /** A place in the unit square to pixels. */
  function toScreen(px, py) {
    const { w, h } = size();
    const edge = 16;
    return [
      view.x + view.scale * (edge + px * (w - 2 * edge)),
      view.y + view.scale * (edge + (1 - py) * (h - 2 * edge)),
    ];
  }

  function change(scale, cx, cy) {
    const next = Math.min(MOST, Math.max(1, scale));
    view.x = cx - ((cx - view.x) * next) / view.scale;
    view.y = cy - ((cy - view.y) * next) / view.scale;
    view.scale = next;
    hold();
  }

  function hold() {
    const { w, h } = size();
    view.x = Math.min(0, Math.max(w - view.scale * w, view.x));
    view.y = Math.min(0, Math.max(h - view.scale * h, view.y));
    onchange();
  }

  function zoom(factor) {
    const { w, h } = size();
    change(view.scale * factor, w / 2, h / 2);
  }

  function fit() {
    Object.assign(view, { scale: 1, x: 0, y: 0 });
    onchange();
  }

  const at = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };

  // A page should scroll past the map: the wheel zooms with Ctrl, or once the map was clicked.
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== canvas) return;
      event.preventDefault();
      change(view.scale * Math.exp(-event.deltaY * 0.0022), ...at(event));
    },
    { passive: false },
  );

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event));
    if (fingers.size === 1) moved = 0;
  });

  canvas.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    fingers.set(event.pointerId, now);
    if (other) {
      const spread = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
      change((view.scale * spread(now)) / spread(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else if (view.scale > 1) {
      view.x += now[0] - before[0];
      view.y += now[1] - before[1];
      hold();
    }
  });

  const up = (event) => {
    const was = fingers.delete(event.pointerId);
    if (was && event.type === "pointerup" && moved < 6 && !fingers.size) ontap(...at(event));
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);

  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
    if (step) {
      view.x += step[0];
      view.y += step[1];
      hold();
    } else if (event.key === "+" || event.key === "=") zoom(STEP);
    else if (event.key === "-") zoom(1 / STEP);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
  });

  return {
    toScreen,
    zoom,
    fit,
    isDragging: () => fingers.size > 0 && moved > 6,
    get scale() {
      return view.scale;
    },
  };
}
