/** The small parts of a record's line: its status in words, and where it comes from. */
import type { EntityItem } from "@/features/entities/api/get-entities";

/** The server's status words are snake_case. */
export function StatusWord({ status }: { status: string }) {
  return <span className="capitalize">{status.replaceAll("_", " ")}</span>;
}

export function SourceRef({ source }: { source: EntityItem["source"] }) {
  return (
    <span className="break-all font-mono text-2xs text-ink-2">
      {source.instance} / {source.object} / {source.key}
    </span>
  );
}
