/** Browser storage that may be refused (private windows, policies): reads give null then, writes do nothing. No secret is ever put here. */

export function readStored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function writeStored(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Nothing depends on it: the choice just does not outlive the page.
  }
}
