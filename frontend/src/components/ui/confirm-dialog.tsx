/** Asks before something that is felt by everybody: says what will happen, shows a refusal in place, and stays until it is done. */
import { type FormEvent, type ReactNode, useId } from "react";
import { useTranslation } from "react-i18next";
import { ErrorState } from "@/components/state/error-state";
import { Button } from "@/components/ui/button";
import { Dialog, DialogClose } from "@/components/ui/dialog";

interface ConfirmDialogProps {
  open: boolean;
  onOpenChange: (open: boolean) => void;
  title: string;
  /** What will happen. */
  text: string;
  /** The word on the button that does it. */
  confirm: string;
  task: { isPending: boolean; error: unknown };
  onConfirm: () => void;
  children?: ReactNode;
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  const { t } = useTranslation();
  const id = useId();
  const { task } = props;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!task.isPending) props.onConfirm();
  };
  return (
    <Dialog open={props.open} onOpenChange={props.onOpenChange} label={props.title} className="max-w-lg">
      <form onSubmit={submit} aria-describedby={id} className="flex flex-col gap-3 overflow-y-auto p-5">
        <h2 className="font-semibold text-base">{props.title}</h2>
        <p id={id} className="text-ink-2">
          {props.text}
        </p>
        {props.children}
        {!!task.error && <ErrorState error={task.error} />}
        <div className="flex flex-wrap justify-end gap-2 pt-1">
          <DialogClose render={<Button look="ghost">{t("confirm.keep")}</Button>} />
          <Button type="submit" look="primary" aria-disabled={task.isPending}>
            {props.confirm}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}
