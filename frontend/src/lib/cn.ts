/** Class names, joined. Wrappers are written so that no two of their classes fight; nothing needs merging. */
export { clsx as cn } from "clsx";
