// What every page needs before Streamlit begins (server.py).

// Where the app is, which Streamlit would find by asking at /class/, in vain, first.
window.__streamlit = { BACKEND_BASE_URL: new URL(".", location).href };

// One entry of the history for each link that a page calls its own while it is the address (`panel.write_link`): Streamlit writes a new
// address in pieces, the path and the query each by itself, and going back to a piece would lead to a page that nobody saw.
{
  const told = ({ pathname, searchParams }) => JSON.stringify([pathname, [...searchParams].filter(([name]) => !name.startsWith("embed")).sort()]);
  const links = () => [...document.querySelectorAll("[data-link]")].map(({ dataset }) => new URL(atob(dataset.link), document.baseURI));
  let kept = false; // whether the entry that one is at has been called so
  const look = () => (kept ||= links().some((link) => told(link) === told(new URL(location))));
  new MutationObserver(look).observe(document, { childList: true, subtree: true, attributeFilter: ["data-link"] });
  addEventListener("popstate", () => (kept = true));
  const push = history.pushState.bind(history);
  history.pushState = (...entry) => {
    kept ? push(...entry) : history.replaceState(...entry);
    kept = false;
    look();
  };
}
