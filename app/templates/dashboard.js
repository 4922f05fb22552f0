// A picture made on the server: what is clicked or dragged goes back as one message.
const DRAG_PX = 4;

// Escape in an empty field gives the keyboard back to the keys of the review; a field with text keeps it.
document.addEventListener("keyup", (event) => {
  const field = document.activeElement;
  if (event.key === "Escape" && field?.matches("input, textarea") && !field.value) field.blur();
}, true);

function seconds(axis, clientX) {
  const box = axis.getBoundingClientRect();
  const share = Math.min(Math.max((clientX - box.left) / box.width, 0), 1);
  const [start, end] = axis.dataset.axis.split(",").map(Number);
  return start + share * (end - start);
}

function follow(root, send) {
  let axis = null, from = 0, moved = false;
  root.addEventListener("pointerdown", (event) => {
    axis = event.target.closest("[data-axis]");
    from = event.clientX;
    moved = false;
  });
  root.addEventListener("pointermove", (event) => {
    if (!axis || !axis.hasAttribute("data-drag") || !(event.buttons & 1)) return;
    moved = moved || Math.abs(event.clientX - from) > DRAG_PX;
    if (!moved) return;
    root.classList.add("dragging");
    root.querySelectorAll("[data-moves]").forEach((part) => {
      const picture = part.viewportElement;
      const by = (event.clientX - from) * picture.viewBox.baseVal.width / picture.clientWidth;
      part.style.transform = `translateX(${by}px)`;
    });
  });
  root.addEventListener("pointerup", (event) => {
    root.classList.remove("dragging");
    if (axis && moved) send("pan", seconds(axis, from) - seconds(axis, event.clientX));
    if (moved) axis = null;
  });
  root.addEventListener("click", (event) => {
    if (moved) { moved = false; return; }
    const picked = event.target.closest("[data-pick]");
    const at = event.target.closest("[data-axis]");
    if (picked) send("pick", picked.dataset.pick);
    else if (at) send("time", seconds(at, event.clientX));
  });
  root.addEventListener("keydown", (event) => {
    const picked = event.target.closest("[data-pick]");
    if (picked && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      send("pick", picked.dataset.pick);
    }
  });
}

function fit(root) {
  root.querySelectorAll("svg[viewBox]").forEach((svg) => {
    if (svg.clientWidth) svg.style.setProperty("--px", svg.viewBox.baseVal.width / svg.clientWidth);
  });
}

export default function ({ data, parentElement, setTriggerValue }) {
  let root = parentElement.querySelector(".ictus");
  if (!root) {
    root = document.createElement("div");
    root.className = "ictus";
    parentElement.appendChild(root);
    follow(root, (kind, value) => root.send("sent", { kind, value }));
    new ResizeObserver(() => fit(root)).observe(root);
  }
  root.send = setTriggerValue;
  if (root.shown !== data.html) {
    root.innerHTML = root.shown = data.html;
    fit(root);
  }
}
