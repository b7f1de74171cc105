"use strict";
(() => {
  // A field and its bytes light up together, in the dump that they belong to.
  const holds = (outer, inner) => +outer.dataset.a <= +inner.dataset.a && +inner.dataset.z <= +outer.dataset.z;
  let lit = [];
  const light = (all) => {
    lit.forEach((e) => e.classList.remove("lit"));
    lit = all;
    lit.forEach((e) => e.classList.add("lit"));
  };
  const runs = (field) => [...field.closest(".dumped").querySelectorAll(".dump b")].filter((b) => holds(field, b));
  const fieldOf = (b) => [...b.closest(".dumped").querySelectorAll(".field")].filter((f) => holds(f, b)).pop();
  const about = (target) => {
    const field = target.closest(".field");
    if (field) return [field, ...runs(field)];
    const b = target.closest(".dump b");
    const found = b && fieldOf(b);
    return found ? [found, ...runs(found)] : [];
  };
  const show = (event) => light(about(event.target));
  document.addEventListener("mouseover", show);
  document.addEventListener("focusin", show);
  document.addEventListener("click", (event) => {
    const b = event.target.closest(".dump b");
    const field = b && fieldOf(b);
    if (field) {
      for (let e = field.parentElement; e; e = e.parentElement) if (e.matches("details")) e.open = true;
      const row = field.querySelector(".leaf, summary");
      row.focus({ preventScroll: true });
      row.scrollIntoView({ block: "nearest" });
    }
    light(about(event.target));
  });

  const boxes = () => [...document.querySelectorAll("details.box")];
  document.querySelector(".buttons").hidden = false;
  document.querySelectorAll("[data-all]").forEach((button) =>
    button.addEventListener("click", () => boxes().forEach((box) => { box.open = button.dataset.all === "open"; })));

  // A link to a box opens it.
  const reveal = () => {
    const inside = document.getElementById(location.hash.slice(1));
    const box = inside && inside.closest("details.box");
    if (box) {
      box.open = true;
      box.scrollIntoView();
      box.querySelector("summary").focus({ preventScroll: true });
    }
  };
  addEventListener("hashchange", reveal);
  reveal();

  // On paper every box is open.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = boxes().filter((box) => !box.open);
    closed.forEach((box) => { box.open = true; });
  });
  addEventListener("afterprint", () => closed.forEach((box) => { box.open = false; }));
})();
