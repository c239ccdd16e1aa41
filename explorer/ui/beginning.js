// What every page needs before Streamlit begins (server.py).

// Where the app is, which Streamlit would find by asking at /class/, in vain, first.
window.__streamlit = { BACKEND_BASE_URL: new URL(".", location).href };

// One entry of the history for each link that a page calls its own (`panel.write_link`): Streamlit writes a new address in pieces, the
// path and the query each by itself, and going back to a piece would lead to a page that nobody saw.
{
  const told = ({ pathname, searchParams }) => JSON.stringify([pathname, [...searchParams].filter(([name]) => !name.startsWith("embed")).sort()]);
  const own = () => [...document.querySelectorAll("[data-link]")].some(({ dataset }) => told(new URL(dataset.link, document.baseURI)) === told(new URL(location)));
  const push = history.pushState.bind(history);
  history.pushState = (...entry) => (own() ? push(...entry) : history.replaceState(...entry));
}
