/** A key or a chord as printed beside what it does. */
const IS_MAC = /Mac|iP(hone|ad)/.test(navigator.userAgent);

export function Kbd({ keys }: { keys: string }) {
  return (
    <span className="inline-flex items-center gap-1">
      {keys.split(" ").map((key) => (
        <kbd
          key={key}
          className="inline-flex h-5 min-w-5 items-center justify-center rounded border border-line bg-surface-2 px-1 font-sans text-2xs text-ink-2"
        >
          {key
            .replace("mod+", IS_MAC ? "⌘" : "Ctrl ")
            .toUpperCase()
            .replace("CTRL", "Ctrl")}
        </kbd>
      ))}
    </span>
  );
}
