// A short text beside what it explains, in one element of ours for the whole page: Streamlit's own elements are never changed.
// Joined in front of way.js and glossary.js by Python.

const LOOK = ["--st-font", "--st-text-color", "--st-border-color", "--st-primary-color", "--st-secondary-background-color"];

function popover() {
  if (window.besides) return window.besides;
  const aside = document.body.appendChild(document.createElement("aside")); // a landmark, as everything on a page is in one
  aside.ariaLabel = "Explanations";
  const box = aside.appendChild(document.createElement("div"));
  box.className = "beside";
  box.id = "beside";
  box.popover = "manual";
  box.setAttribute("role", "tooltip");
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
