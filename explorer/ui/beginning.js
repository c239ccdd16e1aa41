// What every page needs before Streamlit begins (server.py).

// Where the app is, which Streamlit would find by asking at /class/, in vain, first.
window.__streamlit = { BACKEND_BASE_URL: new URL(".", location).href };

// The address, which is written here alone, when a page says its link (`panel.write_link`) and it is another: one entry of the history
// for each step of the visitor. Streamlit would write the path and the query each by itself and at any moment, also what a page said before
// the visitor went on; and Chromium gives up a step back or forward when a page writes its address before it was taken.
{
  const base = new URL(".", location), { history } = window;
  const write = { push: history.pushState.bind(history), replace: history.replaceState.bind(history) };
  history.pushState = history.replaceState = () => {};
  const embedding = (name) => /^embed(_options)?$/i.test(name);
  const told = ({ pathname, searchParams }) => JSON.stringify([pathname, [...searchParams].filter(([name]) => !embedding(name)).sort()]);
  const here = () => told(new URL(location));

  let back = 0, at = here(); // the number of the visitor's last step back or forward, and where it led, or what was written since
  let kept = false, acted = false, again = false; // whether a page called this entry its own; the visitor acted since; the server was told twice
  const own = new Set(), heard = new Set();
  for (const event of ["pointerdown", "keydown", "click", "change"]) addEventListener(event, ({ isTrusted }) => (acted ||= isTrusted), true);

  // A step is an entry of its own, unless the page where it begins has not said its link yet; anything else corrects the one there is.
  function go(url) {
    for (const [name, value] of new URL(location).searchParams) if (embedding(name)) url.searchParams.append(name, value);
    write[kept && acted ? "push" : "replace"]({}, "", url);
    at = told(url);
  }

  // A page says its link, and after which step back or forward: what was asked before the last one is no longer true.
  function say(url, since) {
    if (since !== back) return;
    if (told(url) !== at) {
      if (back && !acted && !again) return (again = true), tell(); // it was asked for another page meanwhile, or corrects this link
      go(url);
    }
    own.add(at);
    kept = true;
    again = false;
  }

  function look() {
    for (const { dataset } of document.querySelectorAll("[data-link]")) {
      if (heard.has(dataset.said)) continue;
      heard.add(dataset.said);
      say(new URL(atob(dataset.link), base), Number(dataset.back));
    }
  }
  new MutationObserver(look).observe(document, { childList: true, subtree: true, attributeFilter: ["data-said"] });

  function tell() {
    const { pathname, searchParams } = new URL(location), query = [...searchParams].filter(([name]) => !embedding(name));
    back = window.address.wish?.([pathname.slice(base.pathname.length), `${new URLSearchParams(query)}`]) ?? -1;
  }

  // Streamlit may run a part of a page that was left, by its clock, after the page that followed, and clear that away: it is asked for again.
  let rests = 0; // for how many seconds nothing is at work and no page says that it is the one of this address
  setInterval(() => {
    const idle = document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning";
    const shown = [...document.querySelectorAll("[data-link]")].some(({ dataset }) => told(new URL(atob(dataset.link), base)) === at);
    rests = idle && !shown && own.size ? rests + 1 : 0;
    if (rests > 4 && !again) (again = true), tell();
  }, 1000);

  addEventListener("popstate", (event) => {
    event.stopImmediatePropagation(); // Streamlit would ask for the page, and forget it where anything else is asked right after
    if (here() === at) return; // another place of the page
    at = here();
    kept = own.has(at);
    acted = again = false;
    tell();
  });

  window.address = {
    // What `way.js` gives when it is there: it tells the server where the visitor went, with all that is asked from then on, and returns the
    // number under which the server knows it.
    take(wish) {
      this.wish = wish;
      if (back < 0) tell();
    },
    // A page begins, which may take long before it says its link.
    begin(path, since) {
      const url = new URL(path, base);
      if (since !== back || !acted || url.pathname === location.pathname) return;
      go(url);
      kept = false;
    },
  };
}

// In a frame nothing of a page is seen (server.py) until its picture is drawn, or until it is at rest without one.
if (/^true$/i.test(new URLSearchParams(location.search).get("embed"))) {
  const every = (selector, holds) => [...document.querySelectorAll(selector)].every(holds);
  const rests = () => document.querySelector(".skip") && document.querySelector("[data-testid=stApp]")?.dataset.testScriptState === "notRunning";
  const there = () => every("[data-testid=stBidiComponentRegular]", ({ childElementCount }) => childElementCount > 1) && !document.querySelector("[data-testid=stSkeleton]");
  const watch = new MutationObserver(() => {
    if (!document.querySelector(".picture-embedded") && (document.querySelector(".picture") || !rests() || !there())) return;
    document.documentElement.dataset.framed = "";
    watch.disconnect();
  });
  watch.observe(document, { childList: true, subtree: true, attributeFilter: ["class", "data-test-script-state"] });
}
