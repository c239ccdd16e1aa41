// What stands above every page: the pages in their groups, and the button that shares what is shown.
// Also what a narrow window does with the sidebar.

const press = (name) => document.querySelector(`[data-testid=${name}] button, button[data-testid=${name}]`)?.click();

// A narrow window has no room for the sidebar beside a picture: it begins closed, and the line that says the recipe opens it.
if (!window.sidebarBegan) {
  window.sidebarBegan = true;
  document.addEventListener("click", ({ target }) => target.closest(".recipe") && press("stExpandSidebarButton"));
  const begun = () => document.documentElement.dataset.sidebar = "begun"; // until then `house.css` keeps it out of the pictures' way
  if (innerWidth >= 1280) begun();
  else {
    const closing = setInterval(() => {
      const { collapsed } = document.querySelector("[data-testid=stSidebar]")?.dataset ?? {};
      if (collapsed === "false") press("stSidebarCollapseButton");
      if (collapsed === "true") clearInterval(closing), begun();
    }, 100);
  }
}

function way({ data, parentElement, setStateValue }) {
  parentElement.way ??= build(parentElement, data.groups);
  parentElement.way.update(data, setStateValue);
}

// What is wished goes to the server as a state, with its number: that is sent with whatever is asked until it is heard, where Streamlit
// forgets a trigger if something else is asked before the run that was to hear it begins.
let go, wishes = 0, lengths = {};
addEventListener("predict", ({ detail }) => go?.("predict", detail)); // before that, the first update says it
document.addEventListener("click", (event) => {
  const { case: name } = event.target.closest("a[data-case]")?.dataset ?? {};
  if (!name || !go || !stays(event)) return;
  go("case", name);
  const card = document.querySelector(".st-key-cases-card");
  if (card?.getBoundingClientRect().top < 0) card.scrollIntoView(); // on a phone it is above its pictures
});

function build(parent, groups) {
  const tip = popover(), links = new Map();
  const list = made("ul", { class: "way-groups" });
  for (const [group, pages] of groups) {
    const inner = made("ul", { "aria-label": group });
    for (const [name, title, about, path] of pages) {
      const link = made("a", { href: new URL(path, document.baseURI).pathname, "aria-description": about }, title);
      link.onclick = (event) => {
        if (!stays(event)) return;
        tip.hide();
        go("page", name);
      };
      link.onpointerenter = ({ pointerType }) => pointerType === "mouse" && tip.show(link.getBoundingClientRect(), about);
      link.onfocus = () => link.matches(":focus-visible") && tip.show(link.getBoundingClientRect(), about);
      link.onpointerleave = link.onblur = tip.leave;
      links.set(name, link);
      inner.append(made("li", {}, link));
    }
    list.append(made("li", {}, made("span", { "aria-hidden": "true" }, group), inner));
  }
  const said = made("span", { class: "way-said", role: "status" });
  const button = made("button", { type: "button", class: "way-share", title: "Share exactly this: its link, a frame for a page of yours, a QR code" });
  button.innerHTML = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.700l-1.600 1.600M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.700l1.600-1.600"/></svg><span>Share</span>';
  const sheet = made("div", { popover: "", class: "beside way-sheet", role: "dialog", "aria-label": "Share" });
  let framed;
  button.onclick = () => share(sheet, said, framed);
  const show = made("button", { type: "button", class: "way-share way-present", title: "Present: full screen, large type, keys (p)", "aria-label": "Present" });
  show.innerHTML = '<svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 5h18v11H3zM12 16v4M8 20h8"/></svg>';
  show.onclick = () => present(true);
  parent.append(made("div", { class: "way" }, made("nav", { "aria-label": "Pages" }, list), show, button, sheet), revealer(), opener());

  let predicts = prediction().isOn(), told;
  function update({ here, path, back, lessons, framed: may, predict, dark }, setStateValue) {
    const first = !go;
    go = (name, wish) => (setStateValue(name, [++wishes, wish]), wishes);
    address.take((there) => go("back", there));
    address.begin(path, back);
    framed = may;
    if (predict !== predicts) first ? go("predict", predicts) : prediction().turn(predict); // clicked before this was there; or by a link
    predicts = predict;
    lengths = lessons;
    // Python's small pictures have the ink of the theme that it knew: once the page has another, it is to draw them anew.
    const darkHere = getComputedStyle(parent).colorScheme === "dark";
    if (dark !== darkHere && told !== darkHere) go("theme", darkHere);
    told = dark === darkHere ? undefined : darkHere;
    if (links.get(here)?.ariaCurrent) return;
    for (const [name, link] of links) name === here ? link.setAttribute("aria-current", "page") : link.removeAttribute("aria-current");
    const current = links.get(here), nav = list.parentElement;
    if (current) nav.scrollLeft = current.offsetLeft - (nav.clientWidth - current.offsetWidth) / 2;
  }
  return { update };
}

// ---- the link of exactly this: the address says the setup, and what only the browser knows stands behind its #

function linkOfThis() {
  const link = new URL(location.href), moved = new URLSearchParams();
  for (const { dataset } of document.querySelectorAll(".picture[data-moved]")) moved.set(dataset.key, dataset.moved);
  link.hash = moved;
  return link.href;
}

// Where the presenter has hidden an answer (`h`) that no picture asks for, whose own button would show it.
function revealer() {
  const reveal = made("button", { type: "button", class: "way-reveal picture-show", title: "Show what is hidden (r)" }, "Show what happens");
  reveal.onclick = () => prediction().reveal();
  return reveal;
}

// From a frame, where `embed.css` shows it, to all of the app: the same in a tab of its own.
function opener() {
  const open = made("a", { class: "way-open", target: "_blank", rel: "noopener", title: "The same in all of the app, in a tab of its own" }, "Open");
  const lead = (open.onfocus = open.onpointerenter = open.onclick = () => {
    const address = new URL(linkOfThis());
    for (const name of ["embed", "embed_options"]) address.searchParams.delete(name);
    open.href = address.href;
  });
  lead();
  return open;
}

// The same for the frame of another page, which shows the picture alone (embed.css).
function frameOf(link) {
  const shown = new URL(link);
  shown.searchParams.set("embed", "true");
  const frame = made("iframe", { src: shown.href, title: document.querySelector("h1")?.textContent ?? "", width: 800, height: 450, style: "border: 0", allow: "fullscreen", loading: "lazy" });
  return frame.outerHTML;
}

const MOST = 2000; // letters that a QR code has room for (qr.py)

// Copied at once, and shown with the two other ways to pass it on.
async function share(sheet, said, framed) {
  const link = linkOfThis(), image = made("img", { src: new URL(`assets/qr.svg?link=${encodeURIComponent(link)}`, document.baseURI).href, alt: "The QR code of the link" });
  image.onerror = () => image.replaceWith(link.length > MOST ? "There is no QR code of a link as long as this." : "The QR code could not be loaded.");
  const note = framed ? "" : made("p", {}, "Only pages of this server may show the frame, until EXPLORER_FRAME_ANCESTORS names others.");
  const { brought: without } = document.querySelector("[data-brought]")?.dataset ?? {}, brought = without ? made("p", {}, without) : "";
  sheet.replaceChildren(...copied("Link", "The link of exactly this", link, said), ...copied("Frame", "The code of a frame with the picture alone", frameOf(link), said), said, brought, note, image);
  if (!sheet.matches(":popover-open")) sheet.showPopover();
  sheet.querySelector("input").select();
  await copy(link, said, new URL(link).search ? "Link copied" : "Page address copied");
}

function copied(name, about, text, said) {
  const box = made("input", { readonly: "", value: text, "aria-label": about }), button = made("button", { type: "button", class: "way-share" }, `Copy ${name.toLowerCase()}`);
  box.onfocus = () => box.select();
  button.onclick = () => copy(text, said, `${name} copied`).then((done) => done || box.select());
  return [made("div", {}, box, button)];
}

async function copy(text, said, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    return false; // refused, as in a frame: it is selected in its box
  }
  said.textContent = what;
  setTimeout(() => (said.textContent = ""), 2500);
  return true;
}
