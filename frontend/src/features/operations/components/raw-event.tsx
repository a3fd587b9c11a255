/** The event as it stands in the log: its envelope, its bytes where they cannot be read, or why it is not there. */
import { useTranslation } from "react-i18next";
import { ScrollRegion } from "@/components/ui/scroll-region";
import type { Schemas } from "@/lib/api-client";

export function RawEventView({
  event,
  missing,
}: {
  event: Schemas["RejectDetail"]["event"];
  missing: Schemas["RejectDetail"]["event_missing"];
}) {
  const { t } = useTranslation();
  if (!event) {
    const why = t(`quarantine.eventMissing.${missing ?? "epoch_nowhere"}`);
    return <p className="text-[0.8125rem] text-ink-2">{why}</p>;
  }
  const text = event.envelope ? JSON.stringify(event.envelope, null, 2) : event.bytes;
  return (
    <>
      {!event.envelope && <p className="mb-2 text-[0.8125rem] text-ink-2">{t("quarantine.unreadable")}</p>}
      <ScrollRegion label={t("quarantine.rawEvent")}>
        <pre data-testid="raw-event" className="font-mono text-2xs leading-5">
          {text}
        </pre>
      </ScrollRegion>
    </>
  );
}
