/** The source records joined in a record. */
import { CircleSlash, Database, Pencil } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import { Panel } from "@/components/ui/panel";
import type { Lineage } from "@/features/lineage/api/get-lineage";
import { SourceName } from "@/features/lineage/components/source-name";
import { dateTime } from "@/lib/format";

export function SourceRecords({ facets }: Pick<Lineage, "facets">) {
  const { t } = useTranslation();
  return (
    <Panel title={t("lineage.sources")} hint={t("lineage.sourcesHint")} flush>
      <ul className="divide-y divide-line border-line border-t">
        {facets.map(({ source, deleted, edit, modified_at }) => (
          <li
            key={source.facet}
            data-facet={source.facet}
            className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1 px-4 py-2.5 text-[0.8125rem]"
          >
            <SourceName source={source} />
            <span className="flex flex-wrap items-center gap-2">
              {modified_at && (
                <span className="num text-ink-2 text-xs">
                  {t("lineage.modified", { time: dateTime(modified_at) })}
                </span>
              )}
              {deleted && (
                <Badge tone="warn" icon={CircleSlash}>
                  {t(edit ? "lineage.withdrawn" : "lineage.deletedThere")}
                </Badge>
              )}
              <Badge tone="neutral" icon={edit ? Pencil : Database}>
                {t(edit ? "lineage.edit" : "lineage.record")}
              </Badge>
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
