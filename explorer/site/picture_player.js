// The player of a picture: moves its time, or its dial if it has no times, on to the end.
// One module with picture.js: content.py joins the files.

const STILL = matchMedia("(prefers-reduced-motion: reduce)");

// `reel` is the range input that it moves, `advance` shows another position of it, and `ended` hears that it stands still.
function playerOf(button, reel, advance, ended) {
  let frame = 0;
  const runs = () => frame > 0;

  function start() {
    const last = Number(reel().max);
    const from = Number(reel().value) >= last ? 0 : Number(reel().value);
    // With reduced motion, at most eight stills; otherwise the whole in about six seconds.
    const [stride, pace] = STILL.matches ? [Math.ceil(last / 7), 900] : [1, Math.min(Math.max(6000 / last, 16), 300)];
    const began = performance.now();
    let at = -1;
    const tick = (now) => {
      const next = from + stride * Math.floor(Math.max(now - began, 0) / pace);
      if (next !== at) advance((at = next));
      if (at >= last) stop();
      else frame = requestAnimationFrame(tick);
    };
    frame = requestAnimationFrame(tick);
    show();
  }

  function stop() {
    if (!runs()) return;
    cancelAnimationFrame(frame);
    frame = 0;
    show();
    ended();
  }

  function show() {
    button.querySelector("span").textContent = runs() ? "Pause" : "Play";
    button.querySelector("path").setAttribute("d", runs() ? "M6 5h4v14H6zM14 5h4v14h-4z" : "M6 4v16l14-8z");
  }

  show();
  return { runs, stop, toggle: () => (runs() ? stop() : start()) };
}
