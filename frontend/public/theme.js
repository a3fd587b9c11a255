// Runs before the first paint. Keep in step with src/lib/theme.ts (same storage key, same attribute).
(() => {
  let choice = "system";
  try {
    choice = localStorage.getItem("sc.theme") ?? "system";
  } catch {
    // Storage is refused (private window): the system's theme it is.
  }
  const dark =
    choice === "dark" || (choice !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
