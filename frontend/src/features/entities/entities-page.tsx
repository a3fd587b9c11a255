/** Browse the canonical records, type by type, page by page; type and page are in the address. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { EmptyState } from "@/components/state/empty-state";
import { QueryPanel } from "@/components/state/query-panel";
import { Bones } from "@/components/state/skeleton";
import { buttonClass } from "@/components/ui/button";
import { PageHeader } from "@/components/ui/page-header";
import { entitiesQuery } from "@/features/entities/api/get-entities";
import { EntityCards } from "@/features/entities/components/entity-cards";
import { EntityTable } from "@/features/entities/components/entity-table";
import { Paging } from "@/features/entities/components/paging";
import { TypeTabs } from "@/features/entities/components/type-tabs";
import type { EntityType } from "@/lib/entity-types";

export interface EntitiesSearch {
  type: EntityType;
  cursor?: string | undefined;
  page: number;
}

export function EntitiesPage({ search }: { search: EntitiesSearch }) {
  const { t } = useTranslation();
  const { type, cursor, page } = search;
  const query = useQuery(entitiesQuery(type, cursor));
  const typeName = t(`entity.${type}`);
  return (
    <>
      <PageHeader title={t("entities.title")} subtitle={t("entities.subtitle")} />
      <TypeTabs current={search.type} />
      <QueryPanel query={query} skeleton={<Bones rows={12} className="h-8" />}>
        {({ items, next_cursor }) =>
          items.length === 0 ? (
            <div className="rounded-card border border-line bg-surface">
              <EmptyState
                title={t("entities.empty", { type: typeName.toLowerCase() })}
                why={t("entities.emptyWhy")}
                action={
                  <Link to="/data-lake" className={buttonClass()}>
                    {t("overview.goSync")}
                  </Link>
                }
              />
            </div>
          ) : (
            <div className="flex flex-col gap-3">
              <EntityTable type={type} items={items} />
              <EntityCards type={type} items={items} />
              <Paging page={page} rows={items.length} next={next_cursor} />
            </div>
          )
        }
      </QueryPanel>
    </>
  );
}
