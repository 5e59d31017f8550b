// Runs before the first paint: the remembered choice is already in the page, else the system's.
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const remembered = root.hasAttribute("data-bs-theme");
const followSystem = () => root.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");

if (!remembered) {
  followSystem();
  dark.addEventListener("change", followSystem);
}

document.addEventListener("click", (event) => {
  const choice = event.target.closest?.("[data-theme-choice]");
  if (!choice) return;
  event.preventDefault();
  const theme = choice.dataset.themeChoice;
  dark.removeEventListener("change", followSystem);
  root.setAttribute("data-bs-theme", theme);
  document.cookie = `nonagon_theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  document.querySelector(`[data-theme-choice="${theme === "dark" ? "light" : "dark"}"]`).focus();
});
