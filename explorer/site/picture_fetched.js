// What a picture needs from the server: its content, and Plotly.
// One module with picture.js: content.py joins the files.

// What a picture shows is JSON, or the address of it: fetched once, and kept by the browser for good, the latest here.
const fetched = new Map(), MOST_FETCHED = 16;
function contentOf(content) {
  if (content.startsWith("{")) return Promise.resolve(content);
  const wanted = fetched.get(content) ?? fetch(new URL(content, document.baseURI)).then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(`${content} is not there`))));
  fetched.delete(content);
  fetched.set(content, wanted);
  wanted.catch(() => fetched.delete(content));
  for (const oldest of fetched.keys()) if (fetched.size > MOST_FETCHED) fetched.delete(oldest);
  return wanted;
}

const loading = new Map();
function loadPlotly(file) {
  const address = new URL(file, document.baseURI).href;
  if (!loading.has(file)) loading.set(file, import(address).then(
    () => quicken(globalThis.Plotly),
    () => Promise.reject(new Error(`Plotly could not be loaded from ${address}`)),
  ));
  return loading.get(file);
}

// To find which parts of a trace are arrays, Plotly walks through all that its type knows, for every trace of every frame: a third of the
// time. They are the same for the same type and the same arrays given.
function quicken(Plotly) {
  const { PlotSchema } = Plotly, find = PlotSchema.findArrayAttributes, found = new Map();
  PlotSchema.findArrayAttributes = (trace) => {
    const kind = String([trace.type, arraysOf(trace._input)]);
    if (!found.has(kind)) found.set(kind, find(trace));
    return found.get(kind);
  };
  return Plotly;
}
