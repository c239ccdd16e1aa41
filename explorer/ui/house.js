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

  addEventListener("prediction", reach); // what was hidden had no width
  setInterval(() => (tell(), reach()), 1000);
}
