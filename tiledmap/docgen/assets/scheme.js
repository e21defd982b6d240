// Runs before anything is painted, so that nothing flashes or moves afterwards.
(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("js");
  try {
    var chosen = localStorage.getItem("tiledmap-scheme");
    if (chosen === "light" || chosen === "dark") root.dataset.scheme = chosen;
  } catch {
    // A browser may keep nothing for files; then the system decides.
  }
})();
