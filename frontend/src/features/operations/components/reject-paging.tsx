/** Cursor paging of the rejects: forward, and back one through the browser's own history. */
import { Link, useRouter } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Button, buttonClass } from "@/components/ui/button";
import { integer } from "@/lib/format";

interface RejectPagingProps {
  page: number;
  rows: number;
  next: string | null | undefined;
}

export function RejectPaging({ page, rows, next }: RejectPagingProps) {
  const { t } = useTranslation();
  const router = useRouter();
  return (
    <nav aria-label={t("entities.paging")} className="flex flex-wrap items-center justify-between gap-3">
      <p className="num text-ink-2 text-xs">
        {t("entities.page", { n: integer(page) })} · {t("entities.rows", { count: rows, n: integer(rows) })}
      </p>
      <div className="flex gap-2">
        {page > 1 && <Button onClick={() => router.history.back()}>{t("entities.previous")}</Button>}
        {next && (
          <Link
            to="/data-lake/quarantine"
            search={(now) => ({ ...now, cursor: next, page: page + 1 })}
            className={buttonClass()}
          >
            {t("entities.next")}
          </Link>
        )}
      </div>
    </nav>
  );
}
