/** Single keys, two-key sequences ("g o") and Ctrl/Cmd chords ("mod+k"). Single keys rest while the reader types. */
import { useEffect, useRef } from "react";

const SEQUENCE_MS = 1_000;

export function useHotkeys(bindings: Record<string, () => void>): void {
  const current = useRef(bindings);
  useEffect(() => {
    current.current = bindings;
  });
  useEffect(() => {
    let previous = { key: "", at: 0 };
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.altKey) return;
      const key = event.key.toLowerCase();
      const chord = event.ctrlKey || event.metaKey;
      if (!chord && isTyping(event.target)) return;
      const recent = event.timeStamp - previous.at < SEQUENCE_MS ? `${previous.key} ${key}` : "";
      const run = chord ? current.current[`mod+${key}`] : (current.current[recent] ?? current.current[key]);
      previous = { key, at: event.timeStamp };
      if (!run) return;
      event.preventDefault();
      run();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && target.closest("input, textarea, select, [contenteditable]") !== null
  );
}
