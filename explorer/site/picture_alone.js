// A picture that leaves the app as a page of its own, with Plotly and all it shows inside, compressed: `standalone.html` is the same page
// when Python writes it. One module with picture.js.

const STANDALONE = "assets/standalone.html";

async function standAlone(shown, plotly) {
  const [page, code] = await Promise.all([STANDALONE, plotly].map(async (file) => {
    const answer = await fetch(new URL(file, document.baseURI));
    if (!answer.ok) throw new Error(`${file} could not be loaded`);
    return answer.text();
  }));
  const parts = { plotly: await zipped(code), shown: await zipped(JSON.stringify(shown)) };
  return page.replace(/\{\{(plotly|shown)\}\}/g, (_, name) => parts[name]);
}

async function zipped(text) {
  const bytes = new Uint8Array(await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).arrayBuffer());
  let letters = "";
  for (let from = 0; from < bytes.length; from += 1 << 15) letters += String.fromCharCode(...bytes.subarray(from, from + (1 << 15)));
  return btoa(letters);
}

const unzipped = (text) => new Response(new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"))).text();

// Called by the page that stands alone. Its Plotly is in it, or in a file beside it, which several pages share.
async function stand() {
  const [plotly, shown] = ["plotly", "shown"].map((id) => document.getElementById(id).textContent.trim());
  const script = document.createElement("script");
  const loaded = plotly.endsWith(".js") && new Promise((resolve, reject) => Object.assign(script, { src: plotly, onload: resolve, onerror: () => reject(new Error(`${plotly} must lie beside this page`)) }));
  if (!loaded) script.textContent = await unzipped(plotly);
  document.head.append(script);
  const ready = Promise.resolve(loaded).then(() => quicken(globalThis.Plotly));
  for (const file of [PLOTLY, PLOTLY_IN_SPACE]) loading.set(file, ready);
  const data = JSON.parse(await unzipped(shown)), link = document.querySelector("footer a");
  document.querySelector("h1").textContent = data.title;
  document.title = data.title || document.title;
  document.getElementById("recipe").textContent = data.recipe;
  if (/^https?:/.test(data.address)) link.href = data.address;
  const show = () => picture({ data, parentElement: document.getElementById("picture"), setStateValue() {}, setTriggerValue() {} });
  show();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
}
