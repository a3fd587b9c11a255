/** The last proof that what is read is what raw says. */
import { Link } from "@tanstack/react-router";
import { CircleAlert, ShieldCheck } from "lucide-react";
import { useTranslation } from "react-i18next";
import { Badge } from "@/components/ui/badge";
import { Button, buttonClass } from "@/components/ui/button";
import { Panel } from "@/components/ui/panel";
import { type Replay, useStartReplay } from "@/features/generations/api/generations";
import { StartError } from "@/features/generations/components/start-error";
import { useCan } from "@/lib/access";
import { ago, integer, preciseTime, secondsSince } from "@/lib/format";
import { useNow } from "@/lib/use-now";

interface VerificationPanelProps {
  last: Replay | null | undefined;
  /** One is asked for or under way. */
  open: boolean;
}

export function VerificationPanel({ last, open }: VerificationPanelProps) {
  const { t } = useTranslation();
  const canManage = useCan("ops:manage");
  const start = useStartReplay();
  const busy = open || start.isPending;
  return (
    <Panel title={t("verification.title")} hint={t("verification.hint")}>
      <div className="flex flex-col items-start gap-3 text-[0.8125rem]">
        {last ? <Result last={last} /> : <p className="text-ink-2">{t("verification.never")}</p>}
        {canManage && (
          <Button aria-disabled={busy} onClick={() => !busy && start.mutate({ kind: "verify" })}>
            <ShieldCheck aria-hidden className="size-3.5" />
            {t(busy ? "verification.underWay" : "verification.start")}
          </Button>
        )}
        <StartError error={start.error} />
      </div>
    </Panel>
  );
}

function Result({ last }: { last: Replay }) {
  const { t } = useTranslation();
  const now = useNow(10_000);
  const differing = last.result?.differing ?? 0;
  const equal = differing === 0;
  const at = last.finished_at ?? last.requested_at;
  return (
    <div
      data-testid="last-verification"
      data-replay={last.id}
      data-differing={differing}
      className="flex flex-col gap-1.5"
    >
      <p className="flex flex-wrap items-center gap-2">
        <Badge tone={equal ? "ok" : "bad"} icon={equal ? ShieldCheck : CircleAlert}>
          {equal
            ? t("verification.equal")
            : t("verification.differs", { count: differing, n: integer(differing) })}
        </Badge>
        <span className="text-ink-2" title={preciseTime(at)}>
          {ago(secondsSince(at, now))}
        </span>
      </p>
      <p className="text-ink-2">
        {t("verification.compared", { n: integer(last.result?.compared) })}
        {last.progress && ` ${t("verification.events", { n: integer(last.progress.done) })}`}
      </p>
      {!equal && (
        <Link to="/data-lake/replays/$replay" params={{ replay: last.id }} className={buttonClass()}>
          {t("verification.look")}
        </Link>
      )}
    </div>
  );
}
