/** A source record by name, and for operators the raw event that made its present version. */
import type { LineageSource } from "@/features/lineage/api/get-lineage";

export function SourceName({ source }: { source: LineageSource }) {
  const { instance, object, key, raw } = source;
  return (
    <span className="break-all font-mono text-2xs">
      {instance} / {object} / {key}
      {raw && (
        <span className="text-ink-2" data-raw={`${raw.instance}/${raw.epoch}/${raw.sequence}`}>
          {" "}
          @ {raw.epoch}/{raw.sequence}
        </span>
      )}
    </span>
  );
}
