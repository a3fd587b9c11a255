/** Cursor paging: forward, back to the first page, and back one through the browser's own history. */
import { Link, useRouter } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button, buttonClass } from "@/components/ui/button";
import { integer } from "@/lib/format";

interface PagingProps {
  page: number;
  rows: number;
  next: string | null | undefined;
}

export function Paging({ page, rows, next }: PagingProps) {
  const { t } = useTranslation();
  const router = useRouter();
  return (
    <nav aria-label={t("entities.paging")} className="flex flex-wrap items-center justify-between gap-3">
      <p className="num text-ink-2 text-xs" data-testid="page-label">
        {t("entities.page", { n: integer(page) })} · {t("entities.rows", { count: rows, n: integer(rows) })}
      </p>
      <div className="flex gap-2">
        {page > 1 && (
          <>
            <Link
              to="/data-lake/entities"
              search={({ type }) => ({ type })}
              className={buttonClass({ look: "ghost" })}
            >
              {t("entities.first")}
            </Link>
            <Button onClick={() => router.history.back()}>
              <ChevronLeft aria-hidden className="size-4" />
              {t("entities.previous")}
            </Button>
          </>
        )}
        {next && (
          <Link
            to="/data-lake/entities"
            search={({ type }) => ({ type, cursor: next, page: page + 1 })}
            className={buttonClass()}
          >
            {t("entities.next")}
            <ChevronRight aria-hidden className="size-4" />
          </Link>
        )}
      </div>
    </nav>
  );
}
