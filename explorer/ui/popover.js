// A short text beside what it explains, in one element of ours for the whole page: Streamlit's own elements are never changed.
// Joined in front of way.js and glossary.js by Python, with what both need.

const made = (tag, attributes = {}, ...content) => {
  const element = document.createElement(tag);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  element.append(...content);
  return element;
};

// A new tab is a new visit; any other click on a link stays within this one.
const stays = (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return false;
  event.preventDefault();
  return true;
};

const LOOK = ["--st-font", "--st-text-color", "--st-border-color", "--st-primary-color", "--st-secondary-background-color"];

function popover() {
  if (window.besides) return window.besides;
  const box = made("div", { class: "beside", id: "beside", popover: "manual", role: "tooltip" });
  document.body.append(made("aside", { "aria-label": "Explanations" }, box)); // a landmark, as everything on a page is in one
  let leaving = 0;

  function show(place, ...content) {
    clearTimeout(leaving);
    box.replaceChildren(...content);
    const theme = getComputedStyle(document.querySelector(".way")); // the colors of the page's theme are not known outside it
    for (const name of LOOK) box.style.setProperty(name, theme.getPropertyValue(name));
    box.showPopover();
    const left = Math.min(Math.max(place.left, 8), innerWidth - box.offsetWidth - 8), below = place.bottom + 6;
    box.style.left = `${left}px`;
    box.style.top = `${below + box.offsetHeight < innerHeight ? below : place.top - box.offsetHeight - 6}px`;
  }
  const hide = () => {
    clearTimeout(leaving);
    if (box.matches(":popover-open")) box.hidePopover();
  };
  const leave = () => {
    clearTimeout(leaving);
    leaving = setTimeout(hide, 300); // time to reach a link in it
  };
  box.addEventListener("pointerenter", () => clearTimeout(leaving));
  box.addEventListener("pointerleave", leave);
  document.addEventListener("keydown", ({ key }) => key === "Escape" && hide());
  document.addEventListener("scroll", hide, true);
  return (window.besides = { box, show, hide, leave });
}
