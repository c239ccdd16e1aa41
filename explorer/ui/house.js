// What Streamlit's own elements lack for those who read by keyboard or by ear. main.py puts it into every page; it begins once.
if (!window.houseBegan) {
  window.houseBegan = true;

  // A screen reader hears the page's headline when another one has stood for a second, as `picture.js` tells the sentence of a ruler.
  const heard = document.body.appendChild(document.createElement("div"));
  heard.className = "heard";
  heard.role = "status";
  let seen, told;
  function tell() {
    const headline = "hushed" in document.documentElement.dataset ? undefined : document.querySelector(".stMain h2")?.textContent;
    if (headline && headline === seen && headline !== told) {
      if (told) heard.textContent = headline;
      told = headline;
    }
    seen = headline;
  }

  // A table that is wider than a phone is scrolled with the arrow keys, once it has the focus.
  function reach() {
    for (const box of document.querySelectorAll(".stTable > div")) {
      if (box.scrollWidth > box.clientWidth) Object.assign(box, { tabIndex: 0, role: "group", ariaLabel: box.querySelector("table").ariaLabel });
      else box.removeAttribute("tabindex");
    }
  }

  // What asks without a picture is in the frame of another page whole, or not at all; then a line says so (embed.css).
  function cramp() {
    const main = document.querySelector(".stMain"), over = main?.querySelector(".small") && main.scrollHeight > main.clientHeight + 1;
    document.documentElement.toggleAttribute("data-cramped", !!over);
  }

  addEventListener("prediction", reach); // what was hidden had no width
  addEventListener("resize", cramp);
  new ResizeObserver(cramp).observe(document.querySelector(".stMainBlockContainer")); // before what is new is painted
  setInterval(() => (tell(), reach()), 1000);
}
