/** The record types, as links: each is an address of its own. */
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { ENTITY_TYPES, type EntityType } from "@/lib/entity-types";

export function TypeTabs({ current }: { current: EntityType }) {
  const { t } = useTranslation();
  return (
    <nav aria-label={t("entities.types")} className="border-line border-b">
      <ul className="-mb-px flex flex-wrap gap-x-1">
        {ENTITY_TYPES.map((type) => (
          <li key={type}>
            <Link
              to="/data-lake/entities"
              search={{ type }}
              // The router takes the first type, which the address leaves out, for a part of every address.
              activeOptions={{ includeSearch: true, exact: true }}
              aria-current={type === current ? "page" : undefined}
              data-testid={`tab-${type}`}
              className="flex h-9 items-center border-transparent border-b-2 px-3 text-[0.8125rem] text-ink-2 hover:text-ink aria-[current=page]:border-accent aria-[current=page]:font-medium aria-[current=page]:text-ink"
            >
              {t(`entity.${type}`)}
            </Link>
          </li>
        ))}
      </ul>
    </nav>
  );
}
