// Buttons that copy the text of the element they name; hidden until there is a script to do it.
const SHOWN_MS = 2000;

function announce(text) {
  document.getElementById("live").textContent = text;
}

async function copy(button) {
  const label = button.querySelector("[data-copy-label]");
  const before = label.textContent;
  try {
    const source = document.getElementById(button.dataset.copy);
    await navigator.clipboard.writeText(source.textContent.trim());
    label.textContent = "Copied";
    announce("Copied to the clipboard.");
  } catch {
    label.textContent = "Press Ctrl C";
    announce("The browser does not let this page copy; select the text and press Ctrl C.");
  }
  setTimeout(() => {
    label.textContent = before;
  }, SHOWN_MS);
}

export function offerCopying(root) {
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
}
