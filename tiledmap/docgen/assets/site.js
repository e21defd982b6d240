// What pages do beyond being read: search, scheme, menu, filters of tables, copies of code.
(function () {
  "use strict";
  const root = document.documentElement;
  const home = root.dataset.root;

  // The scheme of colours: the system's, until somebody chooses.

  const darkSystem = matchMedia("(prefers-color-scheme: dark)");
  const schemeButton = document.querySelector(".scheme-button");
  const isDark = () => (root.dataset.scheme ? root.dataset.scheme === "dark" : darkSystem.matches);
  const showScheme = () => schemeButton.setAttribute("aria-pressed", String(isDark()));
  schemeButton.addEventListener("click", () => {
    const chosen = isDark() ? "light" : "dark";
    const asSystem = (chosen === "dark") === darkSystem.matches;
    if (asSystem) delete root.dataset.scheme;
    else root.dataset.scheme = chosen;
    try {
      if (asSystem) localStorage.removeItem("tiledmap-scheme");
      else localStorage.setItem("tiledmap-scheme", chosen);
    } catch {
      // A browser may keep nothing for files.
    }
    showScheme();
  });
  darkSystem.addEventListener("change", showScheme);
  showScheme();

  // The menu of a narrow window.

  const menuButton = document.querySelector(".menu-button");
  const side = document.getElementById("navigation");
  menuButton.addEventListener("click", () => {
    const open = side.classList.toggle("open");
    menuButton.setAttribute("aria-expanded", String(open));
    if (open) side.querySelector("a").focus();
  });
  side.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && side.classList.contains("open")) {
      menuButton.click();
      menuButton.focus();
    }
  });
  const current = side.querySelector('[aria-current="page"]');
  if (current && current.offsetTop > 0.75 * side.clientHeight) side.scrollTop = current.offsetTop - side.clientHeight / 2;

  // What is scrolled, or zoomed, by the keyboard is reached by it, and nothing else.

  const scrolled = document.querySelectorAll(".scroll:not(.picture), pre");
  const reach = () =>
    scrolled.forEach((each) => {
      if (each.scrollWidth > each.clientWidth) each.tabIndex = 0;
      else each.removeAttribute("tabindex");
    });
  addEventListener("resize", reach);
  reach();

  // The table of contents follows.

  const marks = new Map();
  document.querySelectorAll(".toc a").forEach((link) => {
    const heading = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    if (heading) marks.set(heading, link);
  });
  const headings = [...marks.keys()];
  const followHeadings = () => {
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < innerHeight / 3);
    const current = passed.at(-1) ?? headings[0];
    marks.forEach((link, heading) => {
      if (heading === current) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  };
  addEventListener("scroll", followHeadings, { passive: true });
  followHeadings();

  // Copies of code; of a session in a shell, the commands.

  const copied = async (button, text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  };
  const textOf = (figure) => {
    const text = figure.querySelector("pre").innerText;
    if (!figure.classList.contains("console")) {
      const lines = [...figure.querySelectorAll(".line")];
      if (!lines.length) return text;
      return lines.map((line) => line.textContent.slice(line.querySelector(".number").textContent.length)).join("\n");
    }
    return text.split("\n").filter((line) => line.startsWith("$ ")).map((line) => line.slice(2)).join("\n");
  };
  document.querySelectorAll("figure.code").forEach((figure) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", () => copied(button, textOf(figure)));
    figure.append(button);
  });
  document.querySelectorAll("button[data-copies]").forEach((button) => {
    button.addEventListener("click", () => copied(button, button.dataset.copies));
  });

  // Tables that filter as one types: rows that have every word stay.

  const pieces = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
  document.querySelectorAll("input[data-filters]").forEach((input) => {
    const place = document.getElementById(input.dataset.filters);
    const rows = [...place.querySelectorAll("tbody tr")];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    const count = input.parentElement.querySelector(".filter-count");
    const filter = () => {
      const words = pieces(input.value);
      let shown = 0;
      rows.forEach((row, at) => {
        const fits = words.every((word) => texts[at].includes(word));
        row.hidden = !fits;
        if (fits) shown += 1;
      });
      place.querySelectorAll("section").forEach((section) => {
        section.hidden = !section.querySelector("tbody tr:not([hidden])");
      });
      count.textContent = words.length ? `${shown} of ${rows.length}` : "";
    };
    input.addEventListener("input", filter);
    if (input.value) filter();
  });

  // Search. Its entries are loaded when it is opened first, by scripts, which files may do.

  const dialog = document.getElementById("search");
  const field = dialog.querySelector("input");
  const list = document.getElementById("found");
  const status = dialog.querySelector(".search-status");
  const MOST = 40;
  const WEIGHTS = { field: 3, node: 3, mapping: 2.5, keyword: 2.2, function: 2.2, problem: 2, consolidator: 2, spec: 2, command: 2, rule: 1.5, page: 1, example: 1 };
  const NAMES = new Set(["field", "node", "rule", "keyword", "function", "consolidator", "spec", "command", "example"]);
  let index = null;
  let selected = -1;

  const tokens = (text) => text.replace(/([a-z0-9])([A-Z])/g, "$1 $2").split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const load = (path) =>
    new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = home + path;
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    });

  async function open() {
    if (dialog.open) return;
    dialog.showModal();
    field.select();
    if (index) return;
    status.textContent = "Loading…";
    try {
      await Promise.all([load("assets/vendor/minisearch.js"), load("search.js")]);
    } catch {
      status.textContent = "The index of this site cannot be read.";
      return;
    }
    const documents = window.tiledmapEntries.map(([kind, title, link, text, place], id) => ({
      id, kind, title, link, text, place, last: tokens(title.split(/[./]/).pop()).join(" ").toLowerCase(),
    }));
    index = new window.MiniSearch({
      fields: ["title", "text", "place"],
      storeFields: ["kind", "title", "link", "text", "place", "last"],
      tokenize: tokens,
    });
    index.addAll(documents);
    search();
  }

  function search() {
    if (!index) return;
    const words = field.value.trim();
    const asked = tokens(words).join(" ").toLowerCase();
    const results = asked
      ? index.search(words, {
          combineWith: "AND",
          prefix: (term, at, terms) => at === terms.length - 1,
          fuzzy: (term) => (term.length > 4 ? 0.2 : false),
          boost: { title: 4 },
          boostDocument: (id, term, entry) => {
            const named = entry.last === asked ? 3 : tokens(entry.title).join(" ").toLowerCase() === asked ? 4 : 1;
            return WEIGHTS[entry.kind] * named;
          },
        })
      : [];
    show(results.slice(0, MOST));
    const more = results.length > MOST ? `, the first ${MOST} shown` : "";
    status.textContent = asked
      ? `${results.length || "Nothing"} found${more}`
      : `${index.documentCount} entries. Arrows choose, Enter opens, Escape closes.`;
  }

  function part(name, text) {
    const span = document.createElement("span");
    span.className = `found-${name}`;
    span.textContent = text;
    return span;
  }

  function show(results) {
    list.replaceChildren(
      ...results.map((result, at) => {
        const option = document.createElement("li");
        option.id = `found-${at}`;
        option.role = "option";
        option.dataset.link = result.link;
        const title = part("title", result.title);
        if (NAMES.has(result.kind)) title.classList.add("name");
        option.append(part("kind", result.kind), title, part("place", result.place));
        if (result.text) option.append(part("text", result.text));
        return option;
      }),
    );
    field.setAttribute("aria-expanded", String(results.length > 0));
    select(results.length ? 0 : -1);
  }

  function select(at) {
    selected = at;
    [...list.children].forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
    if (at < 0) field.removeAttribute("aria-activedescendant");
    else {
      field.setAttribute("aria-activedescendant", `found-${at}`);
      list.children[at].scrollIntoView({ block: "nearest" });
    }
  }

  function follow(option) {
    dialog.close();
    location.href = home + option.dataset.link;
  }

  field.addEventListener("input", search);
  field.addEventListener("keydown", (event) => {
    const count = list.children.length;
    const moves = { ArrowDown: selected + 1, ArrowUp: selected - 1 + count, Home: 0, End: count - 1 };
    if (event.key in moves && count && !((event.key === "Home" || event.key === "End") && field.value)) {
      event.preventDefault();
      select(moves[event.key] % count);
    } else if (event.key === "Enter" && selected >= 0) {
      event.preventDefault();
      follow(list.children[selected]);
    }
  });
  list.addEventListener("click", (event) => {
    const option = event.target.closest("li");
    if (option) follow(option);
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.querySelector(".search-close").addEventListener("click", () => dialog.close());
  document.querySelector(".search-button").addEventListener("click", open);
  document.addEventListener("keydown", (event) => {
    // What is not shown, as the field of a dialog that has just closed, may have the focus still.
    const typing = event.target.closest("input, textarea, select, [contenteditable]")?.getClientRects().length;
    const slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
    const k = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
    if (slash || k) {
      event.preventDefault();
      open();
    }
  });
})();
