/** Why a record says what it says: its source records, its fields with their winners and losers, and the raw events. */
import "@/i18n/later";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Freshness } from "@/components/state/freshness";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { buttonClass } from "@/components/ui/button";
import { PageHeader } from "@/components/ui/page-header";
import { type Lineage, lineageQuery } from "@/features/lineage/api/get-lineage";
import { DealHistory } from "@/features/lineage/components/deal-history";
import { DealLabels } from "@/features/lineage/components/deal-labels";
import { FieldList } from "@/features/lineage/components/field-list";
import { Merges } from "@/features/lineage/components/merges";
import { RawEvents } from "@/features/lineage/components/raw-events";
import { SourceRecords } from "@/features/lineage/components/source-records";
import type { EntityType } from "@/lib/entity-types";

export function LineagePage({ type, id }: { type: EntityType; id: string }) {
  const { t } = useTranslation();
  const query = useQuery(lineageQuery(type, id));
  const name = query.data && nameOf(query.data);
  return (
    <>
      <PageHeader
        title={name ? t("lineage.of", { name }) : t("lineage.title")}
        subtitle={
          <>
            {t(`entity.${type}`)} · <span className="break-all font-mono text-xs">{id}</span>
          </>
        }
      >
        <Link to="/data-lake/entities" search={{ type }} className={buttonClass({ look: "ghost" })}>
          {t("lineage.back", { type: t(`entity.${type}`).toLowerCase() })}
        </Link>
      </PageHeader>
      <QueryPanel query={query} skeleton={<Bones rows={8} className="h-10" />}>
        {(lineage) => (
          <div className="flex flex-col gap-4" data-testid="lineage" data-id={lineage.id}>
            <Freshness meta={lineage.meta} />
            <Merges type={type} lineage={lineage} />
            {type === "opportunities" && <DealLabels id={lineage.id} />}
            <SourceRecords facets={lineage.facets} />
            {type === "opportunities" && <DealHistory id={lineage.id} />}
            <FieldList fields={lineage.fields} />
            {lineage.events && <RawEvents events={lineage.events} />}
          </div>
        )}
      </QueryPanel>
    </>
  );
}

/** What the record calls itself: a name, or what an activity is about. */
function nameOf({ fields }: Lineage): string | undefined {
  const named = fields.find(({ field }) => field === "name" || field === "subject");
  const value: unknown = named?.value;
  return typeof value === "string" ? value : undefined;
}
