// What the pages of mappings do beyond being read: zoom of pictures, ways of fields, dates gone by.
(function () {
  "use strict";

  // A picture is larger or smaller than its text is meant to be; its frame scrolls.

  document.querySelectorAll("figure[data-zooms]").forEach((figure) => {
    const frame = figure.querySelector(".picture");
    const picture = frame.querySelector("svg");
    const LEAST = 0.25;
    const MOST = 4;
    const full = () =>
      parseFloat(getComputedStyle(picture).getPropertyValue("--width")) *
      parseFloat(getComputedStyle(document.documentElement).fontSize);
    const shown = () => picture.getBoundingClientRect().width / full();
    const fitting = () => {
      const { paddingLeft, paddingRight } = getComputedStyle(frame);
      const room = frame.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
      return Math.min(1, room / full());
    };
    const show = (wanted, x = frame.clientWidth / 2, y = frame.clientHeight / 2) => {
      const before = shown();
      const size = Math.min(MOST, Math.max(LEAST, wanted));
      picture.style.setProperty("--size", size);
      picture.classList.add("sized");
      const grown = size / before;
      frame.scrollLeft = (frame.scrollLeft + x) * grown - x;
      frame.scrollTop = (frame.scrollTop + y) * grown - y;
    };
    const acts = {
      in: () => show(shown() * 1.25),
      out: () => show(shown() / 1.25),
      full: () => show(1),
      fit: () => show(fitting()),
    };
    figure.querySelectorAll("[data-zoom]").forEach((button) => {
      button.addEventListener("click", () => acts[button.dataset.zoom]());
    });
    figure.addEventListener("keydown", (event) => {
      const act = { "+": "in", "=": "in", "-": "out", 0: "full", f: "fit" }[event.key];
      if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      acts[act]();
    });
    frame.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey) return;
        event.preventDefault();
        const box = frame.getBoundingClientRect();
        show(shown() * Math.exp(-event.deltaY / 300), event.clientX - box.left, event.clientY - box.top);
      },
      { passive: false },
    );
    let held = null;
    let moved = false;
    frame.addEventListener("pointerdown", (event) => {
      if (event.pointerType !== "mouse" || event.button !== 0) return;
      held = { x: event.clientX, y: event.clientY, left: frame.scrollLeft, top: frame.scrollTop };
      moved = false;
    });
    addEventListener("pointermove", (event) => {
      if (!held) return;
      const across = event.clientX - held.x;
      const down = event.clientY - held.y;
      if (Math.abs(across) + Math.abs(down) < 5) return;
      moved = true;
      frame.scrollLeft = held.left - across;
      frame.scrollTop = held.top - down;
    });
    addEventListener("pointerup", () => (held = null));
    frame.addEventListener("dragstart", (event) => event.preventDefault());
    frame.addEventListener(
      "click",
      (event) => {
        if (moved) event.preventDefault();
        moved = false;
      },
      true,
    );
    figure.classList.add("zooms");
  });

  // The ways of the fields or the node that is pointed at stand out.

  document.querySelectorAll("figure.lineage svg").forEach((picture) => {
    const ways = [...picture.querySelectorAll(".way")];
    const ends = [...picture.querySelectorAll(".source, .target")];
    const show = (end) => {
      const side = end && (end.classList.contains("source") ? "source" : "target");
      const other = side === "source" ? "target" : "source";
      const reached = new Set();
      ways.forEach((way) => {
        const lit = Boolean(end) && way.dataset[side] === end.dataset.number;
        way.classList.toggle("lit", lit);
        if (lit) reached.add(`${other} ${way.dataset[other]}`);
      });
      ends.forEach((each) => {
        const name = `${each.classList.contains("source") ? "source" : "target"} ${each.dataset.number}`;
        each.classList.toggle("lit", each === end || reached.has(name));
      });
      picture.classList.toggle("pointed", Boolean(end));
    };
    ends.forEach((end) => {
      end.addEventListener("pointerenter", () => show(end));
      end.addEventListener("focus", () => show(end));
      end.addEventListener("pointerleave", () => show(null));
      end.addEventListener("blur", () => show(null));
    });
  });

  // A repair whose last day is past does nothing more. Only a browser knows what day it is.

  const now = new Date();
  const today = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
  document.querySelectorAll("[data-until]").forEach((badge) => {
    if (badge.dataset.until >= today) return;
    badge.classList.add("warning");
    badge.prepend("applied ");
    badge.title = "Its last day is past: it does nothing for runs that come now.";
  });
})();
